import { LOST_ORDERS } from '../control/orders'
import { MOST_LISTED } from '../control/request'
import { LOSSES, LOST_KEPT, type LostListed } from '../queue/lost-copies'
import { type Call, type Command, copiesText, EXIT, show, Stop } from './command'
import { durationText, momentText } from './moments'
import { listingBy, nothingFor, seeking, soughtBy, wordIn } from './seeking'
import { valueFrom } from './server'
import { settingsHistory } from './shared-commands'
import { table } from './terminal'

const LOST = { sorts: LOST_ORDERS, usual: 100, most: MOST_LISTED }
const SEEK = seeking(['reason', 'intake', 'sender', 'recipient', 'since'], LOST)

export const historyCommand: Command = {
  name: 'history',
  words: [],
  options: {
    ...SEEK.options,
    reason: { type: 'string', words: LOSSES },
    settings: { type: 'boolean' },
  },
  summary: `the last ${LOST_KEPT} copies that were given up, the newest first, also of before a restart`,
  help: [
    ...SEEK.help,
    'A copy that could not be written to the queue has the reason not-written.',
    'Now: kept (haraka-tdc replay sends it), sent again, or lost. Each copy given up stands in the log, too.',
    '--settings   instead: the settings that the machines share ([cluster] redis=true), and their last 200',
    '             changes: who, when, and what was before. Redis need not be there; exit code 1: this',
    '             machine does not follow it, the reason is the last line.',
  ],
  async run(call: Call) {
    if (call.values['settings']) {
      const other = Object.keys(SEEK.options).find((name) => call.values[name] !== undefined)
      if (other === undefined) return settingsHistory(call)
      throw new Stop(EXIT.usage, `--${other} cannot be had with --settings`)
    }
    const reason = wordIn(call, 'reason', LOSSES)
    const request = { ask: 'history', reason, ...soughtBy(call), ...listingBy(call, LOST) } as const
    const listed = await valueFrom<LostListed>(call.directory(), request)
    const hint = listed.count === 0 ? await nothingFor(call, request.intake) : []
    show(call, listed, () => [...lostText(listed), ...hint])
    return EXIT.ok
  },
}

function lostText({ count, copies }: LostListed): string[] {
  if (count === 0) return ['no such copy was given up']
  const more = count > copies.length ? `, the first ${copies.length} of them above` : ''
  return [
    ...table([
      [
        'Given up',
        'MID',
        'Intake',
        'Reason',
        'Now',
        'From',
        'Attempts',
        'Age',
        'What was in the way',
      ],
      ...copies.map((copy) => [
        momentText(copy.at),
        copy.mid,
        copy.intake,
        copy.reason,
        copy.kept ? 'kept' : copy.replayedAt === null ? 'lost' : 'sent again',
        copy.sender === null ? '' : `<${copy.sender}>`,
        copy.attempts,
        durationText(copy.ageMs),
        copy.text,
      ]),
    ]),
    `${copiesText(count)} given up${more}`,
  ]
}
