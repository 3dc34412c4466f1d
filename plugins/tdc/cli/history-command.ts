import type { History } from '../cluster/shared-cluster'
import { levelOf } from '../cluster/sections'
import { valueFrom } from './ask-server'
import { changeText } from './change-text'
import { type Command, show } from './command'
import { EXIT } from './exit-code'

export const historyCommand: Command = {
  name: 'history',
  words: [],
  options: {},
  summary: 'the settings that the machines share, who changed them when, and what was before',
  help: [
    'The last 200 changes, as this machine knows them; Redis need not be there.',
    'Exit code 1: this machine does not follow Redis; the reason is the last line.',
  ],
  async run(call) {
    const history = await valueFrom<History>(call.directory(), { ask: 'shared-history' })
    show(call, history, () => historyText(history))
    return history.trouble === null ? EXIT.ok : EXIT.no
  },
}

function historyText({ revision, entries, changes, trouble }: History): string[] {
  return [
    ...changes.flatMap(changeText),
    ...(changes.length > 0 ? [''] : []),
    revision === 0 ? 'nothing is shared yet' : `revision ${revision} is in force here:`,
    ...entries.map(({ section, key, value }) => `  ${levelOf(section)} ${key}=${value}`),
    ...(trouble === null ? [] : ['', `not in step with Redis: ${trouble}`]),
  ]
}
