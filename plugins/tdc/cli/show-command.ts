import type { Shown } from '../control/gathered'
import type { KeptCopy } from '../queue/kept-name'
import type { QueuedCopy } from '../queue/queued-copy'
import { valueFrom } from './ask-server'
import { type Command, show, silentText } from './command'
import { EXIT } from './exit-code'
import { durationText, momentText } from './moments'
import { table } from './table'
import { trackedText } from './tracked-text'

export const showCommand: Command = {
  name: 'show',
  words: ['MID'],
  options: {},
  summary: 'one copy: where it stands, and each step of it',
  help: ['Exit code 1: it is neither in the queue nor kept, and not in the memory of the server.'],
  async run(call) {
    const mid = call.words[0] ?? ''
    const shown = await valueFrom<Shown<QueuedCopy, KeptCopy>>(call.directory(), {
      ask: 'show',
      mid,
    })
    const { copy, kept, messages, silent } = shown
    const known = copy !== null || kept !== null || messages.length > 0
    show(call, shown, () => [
      ...(copy ? copyText(copy) : []),
      ...(kept ? [`kept since ${momentText(kept.at)}: ${kept.cause}, ${kept.bytes} octets`] : []),
      ...messages.flatMap(trackedText),
      ...(known ? [] : [`nothing is known of ${JSON.stringify(mid)}`]),
      ...silentText(silent),
    ])
    return known ? EXIT.ok : EXIT.no
  },
}

function copyText({ mid, intake, state, age, attempts, size, lastFailure }: QueuedCopy): string[] {
  return table([
    ['MID', mid],
    ['Intake', intake],
    ['State', `${state}, in the queue for ${durationText(age)}`],
    ['Failed attempts', `${attempts}${lastFailure ? `: ${lastFailure}` : ''}`],
    ['Size', `${size} octets`],
  ])
}
