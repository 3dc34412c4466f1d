import type { Status } from '../monitor/status'
import { valueFrom } from './ask-server'
import { type Command, show } from './command'
import { EXIT } from './exit-code'
import { isWell, statusText } from './status-text'

export const statusCommand: Command = {
  name: 'status',
  words: [],
  options: {},
  summary: 'is it on, is it keeping up, what is wrong',
  help: [
    'Exit code 1: disabled, settings refused, an intake down, or a worker that does not answer.',
  ],
  async run(call) {
    const status = await valueFrom<Status>(call.directory(), { ask: 'status' })
    show(call, status, () => statusText(status))
    return isWell(status) ? EXIT.ok : EXIT.no
  },
}
