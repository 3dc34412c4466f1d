import { KEPT_ORDERS } from '../control/orders'
import { type KeptSought, MOST_LISTED } from '../control/request'
import { CAUSES, type KeptListed } from '../queue/kept-name'
import type { ReplayResult } from '../queue/replay'
import { type Call, type Command, copiesText, EXIT, show, Stop } from './command'
import { momentText } from './moments'
import { listingBy, nothingFor, seeking, soughtBy, textIn, wordIn } from './seeking'
import { valueFrom } from './server'
import { table } from './terminal'

const KEPT = { sorts: KEPT_ORDERS, usual: 100, most: MOST_LISTED }
const LIST = seeking(['reason', 'intake', 'since'], KEPT)
const PICK = seeking(['reason', 'intake', 'since'])
const REASON = { reason: { type: 'string', words: CAUSES } } as const

export const keptCommand: Command = {
  name: 'kept',
  words: [],
  options: { ...LIST.options, ...REASON },
  summary: 'the copies that were given up and kept ([failed] keep), the oldest first',
  help: [
    ...LIST.help,
    'haraka-tdc show MID tells more of one, replay sends them again, drop removes one.',
  ],
  async run(call) {
    const request = { ask: 'kept', ...keptSought(call), ...listingBy(call, KEPT) } as const
    const listed = await valueFrom<KeptListed>(call.directory(), request)
    const hint = listed.count === 0 ? await nothingFor(call, request.intake) : []
    show(call, listed, () => [...keptText(listed), ...hint])
    return EXIT.ok
  },
}

function keptText({ count, bytes, copies }: KeptListed): string[] {
  if (count === 0) return ['no such copy is kept']
  const more = count > copies.length ? `, the first ${copies.length} of them above` : ''
  return [
    ...table([
      ['MID', 'Intake', 'Reason', 'Given up', 'Octets'],
      ...copies.map(({ mid, intake, cause, at, bytes }) => [
        mid,
        intake ?? '(unreadable)',
        cause,
        momentText(at),
        bytes,
      ]),
    ]),
    `${copiesText(count)}, ${bytes} octets${more}`,
  ]
}

export const replayCommand: Command = {
  name: 'replay',
  words: [],
  options: { mid: { type: 'string' }, ...PICK.options, ...REASON, all: { type: 'boolean' } },
  summary: 'sends copies again that were given up and kept ([failed] keep)',
  help: [
    '--mid MID            this one',
    ...PICK.help,
    '--all                every kept copy',
    'haraka-tdc kept lists, by the same options, what would be sent.',
    'Exit code 1: some were refused, or left because the queue is full.',
  ],
  async run(call) {
    const [mid, sought] = [textIn(call, 'mid'), keptSought(call)]
    const isPicked = [mid, ...Object.values(sought)].some(Boolean)
    if (!isPicked && call.values['all'] !== true) {
      const options = '--mid, --reason, --intake or --since'
      throw new Stop(EXIT.usage, `replay what? name ${options}, or say --all`)
    }
    const request = { ask: 'replay', mid, ...sought } as const
    const answer = await valueFrom<ReplayResult>(call.directory(), request)
    const { replayed, refused, left } = answer
    const nothing = replayed + refused + left === 0
    const hint = nothing ? await nothingFor(call, sought.intake) : []
    show(call, answer, () => [
      `${copiesText(replayed)} replayed`,
      ...(refused > 0 ? [`${refused} refused; the log says why`] : []),
      ...(left > 0 ? [`${left} left, the queue is full ([queue] max_copies)`] : []),
      ...hint,
    ])
    return refused + left === 0 ? EXIT.ok : EXIT.no
  },
}

function keptSought(call: Call): KeptSought {
  const { intake, since } = soughtBy(call)
  return { intake, since, reason: wordIn(call, 'reason', CAUSES) }
}
