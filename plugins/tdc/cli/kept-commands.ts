import { MOST_LISTED } from '../control/asking'
import { KEPT_ORDERS } from '../control/given-up'
import { CAUSES, type KeptListed } from '../queue/kept-name'
import { command, copiesText, EXIT, flagOption, show, Stop, textOption } from './command'
import { momentText } from './moments'
import { listing, listingBy, nothingFor, reasonOf, SEEK, soughtBy } from './seeking'
import { ask } from './server'
import { table } from './terminal'

const KEPT = { sorts: KEPT_ORDERS, usual: 100, most: MOST_LISTED }
const PICK = { ...reasonOf(CAUSES), intake: SEEK.intake, since: SEEK.since }

export const keptCommand = command('kept', {
  options: { ...PICK, ...listing(KEPT) },
  summary: 'the copies that were given up and kept ([failed] keep), the oldest first',
  help: ['haraka-tdc show MID tells more of one, replay sends them again, drop removes one.'],
  async run(call) {
    const { reason } = call.values
    const { intake, since } = soughtBy(call.values)
    const asked = { intake, since, reason, ...listingBy(call.values, KEPT) }
    const listed = await ask(call, 'kept', asked)
    const hint = listed.count === 0 ? await nothingFor(call, intake) : []
    show(call, listed, () => [...keptText(listed), ...hint])
    return EXIT.ok
  },
})

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

export const replayCommand = command('replay', {
  options: { mid: textOption('MID', 'this one'), ...PICK, all: flagOption('every kept copy') },
  summary: 'sends copies again that were given up and kept ([failed] keep)',
  help: [
    'haraka-tdc kept lists, by the same options, what would be sent.',
    'Exit code 1: some were refused, or left because the queue is full.',
  ],
  async run(call) {
    const { mid, reason, all } = call.values
    const { intake, since } = soughtBy(call.values)
    const isPicked = [mid, reason, intake, since].some(Boolean)
    if (!isPicked && !all) {
      const options = '--mid, --reason, --intake or --since'
      throw new Stop(EXIT.usage, `replay what? name ${options}, or say --all`)
    }
    const answer = await ask(call, 'replay', { mid, intake, since, reason })
    const { replayed, refused, left } = answer
    const nothing = replayed + refused + left === 0
    const hint = nothing ? await nothingFor(call, intake) : []
    show(call, answer, () => [
      `${copiesText(replayed)} replayed`,
      ...(refused > 0 ? [`${refused} refused; the log says why`] : []),
      ...(left > 0 ? [`${left} left, the queue is full ([queue] max_copies)`] : []),
      ...hint,
    ])
    return refused + left === 0 ? EXIT.ok : EXIT.no
  },
})
