import { setTimeout as wait } from 'node:timers/promises'
import type { Status } from '../monitor/status'
import { valueFrom } from './ask-server'
import { type Command, show } from './command'
import { EXIT } from './exit-code'
import { rowsOf, tophostsText } from './tophosts-text'

/** Milliseconds between two pictures. */
const PAUSE = 2_000

export const tophostsCommand: Command = {
  name: 'tophosts',
  words: [],
  options: { watch: { type: 'boolean', short: 'w' } },
  summary: "the appliance's table of the queue and its intakes",
  help: ['--watch, -w  shows it anew every 2 seconds, until Ctrl-C'],
  async run(call) {
    const directory = call.directory()
    for (;;) {
      const status = await valueFrom<Status>(directory, { ask: 'status' })
      if (!call.values['watch']) {
        show(call, rowsOf(status), () => tophostsText(status))
        return EXIT.ok
      }
      call.terminal.repaint(call.json ? [JSON.stringify(rowsOf(status))] : tophostsText(status))
      await wait(PAUSE)
    }
  },
}
