import { MOST_LISTED } from '../control/asking'
import { LOST_ORDERS } from '../control/given-up'
import { LOSSES, LOST_KEPT, type LostListed } from '../queue/lost-copies'
import { command, copiesText, EXIT, flagOption, givenOf, show, Stop } from './command'
import { durationText, momentText } from './moments'
import { listing, listingBy, nothingFor, reasonOf, SEEK, soughtBy } from './seeking'
import { ask } from './server'
import { settingsHistory } from './shared-commands'
import { table } from './terminal'

const LOST = { sorts: LOST_ORDERS, usual: 100, most: MOST_LISTED }

export const historyCommand = command('history', {
  options: {
    ...reasonOf(LOSSES),
    ...SEEK,
    ...listing(LOST),
    settings: flagOption(
      'instead: the settings that the machines share ([cluster] redis=true), and their last 200',
      'changes: who, when, and what was before. Redis need not be there; exit code 1: this',
      'machine does not follow it, the reason is the last line.',
    ),
  },
  summary: `the last ${LOST_KEPT} copies that were given up, the newest first, also of before a restart`,
  help: [
    'A copy that could not be written to the queue has the reason not-written.',
    'Now: kept (haraka-tdc replay sends it), sent again, or lost. Each copy given up stands in the log, too.',
  ],
  async run(call) {
    const { reason, settings, ...seeks } = call.values
    if (settings) {
      const other = givenOf({ reason, ...seeks })
      if (other === undefined) return settingsHistory(call)
      throw new Stop(EXIT.usage, `--${other} cannot be had with --settings`)
    }
    const sought = soughtBy(seeks)
    const listed = await ask(call, 'history', { reason, ...sought, ...listingBy(seeks, LOST) })
    const hint = listed.count === 0 ? await nothingFor(call, sought.intake) : []
    show(call, listed, () => [...lostText(listed), ...hint])
    return EXIT.ok
  },
})

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
