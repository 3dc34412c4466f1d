import type { SilentWorker } from '../monitor/status'
import { valueFrom } from './ask-server'
import { type Command, show, silentText } from './command'
import { EXIT } from './exit-code'

interface Dropped {
  readonly dropped: boolean
  readonly silent: readonly SilentWorker[]
}

export const dropCommand: Command = {
  name: 'drop',
  words: ['MID'],
  options: {},
  summary: 'takes one copy out of the queue, or out of the kept ones, unsent and for good',
  help: ['Exit code 1: there is no such copy, its original is not queued yet, or it ends anyway.'],
  async run(call) {
    const mid = call.words[0] ?? ''
    const answer = await valueFrom<Dropped>(call.directory(), { ask: 'drop', mid })
    show(call, answer, () => [
      answer.dropped ? `${mid} dropped` : `no copy ${JSON.stringify(mid)} that can be dropped`,
      ...silentText(answer.silent),
    ])
    return answer.dropped ? EXIT.ok : EXIT.no
  },
}
