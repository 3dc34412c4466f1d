import { MOST_LISTED } from '../control/request'
import type { SilentWorker } from '../monitor/status'
import type { QueuedCopy } from '../queue/queued-copy'
import { valueFrom } from './ask-server'
import { type Command, show, silentText } from './command'
import { EXIT, Stop } from './exit-code'
import { durationText } from './moments'
import { table } from './table'

/** Copies that are shown when nothing else is said. */
const USUAL = 100

interface Listed {
  readonly copies: readonly QueuedCopy[]
  readonly silent: readonly SilentWorker[]
}

export const queueCommand: Command = {
  name: 'queue',
  words: [],
  options: { most: { type: 'string' } },
  summary: 'the copies in the queue, the oldest first',
  help: [`--most NUMBER   that are shown; ${USUAL} by default, at most ${MOST_LISTED}`],
  async run(call) {
    const most = Number(call.values['most'] ?? USUAL)
    if (!Number.isSafeInteger(most) || most < 1 || most > MOST_LISTED) {
      throw new Stop(EXIT.usage, `--most must be a number from 1 to ${MOST_LISTED}`)
    }
    const listed = await valueFrom<Listed>(call.directory(), { ask: 'queue', most })
    show(call, listed, () => queueText(listed, most))
    return EXIT.ok
  },
}

function queueText({ copies, silent }: Listed, most: number): string[] {
  const more = copies.length === most ? [`the oldest ${most}; --most NUMBER shows more`] : []
  if (copies.length === 0) return ['the queue is empty', ...silentText(silent)]
  return [
    ...table([
      ['MID', 'Intake', 'State', 'Age', 'Attempts', 'Size', 'Last failure'],
      ...copies.map((copy) => [
        copy.mid,
        copy.intake,
        copy.state,
        durationText(copy.age),
        copy.attempts,
        copy.size,
        copy.lastFailure ?? '',
      ]),
    ]),
    ...more,
    ...silentText(silent),
  ]
}
