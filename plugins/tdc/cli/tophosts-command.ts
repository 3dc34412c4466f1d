import { setTimeout as wait } from 'node:timers/promises'
import type { ClusterView } from '../cluster/cluster-view'
import type { Status } from '../monitor/status'
import { valueFrom } from './ask-server'
import { silentText } from './cluster-text'
import { type Call, type Command, show } from './command'
import { EXIT, Stop } from './exit-code'
import { rowsOf, tophostsText } from './tophosts-text'

/** Milliseconds between two pictures. */
const PAUSE = 2_000

export const tophostsCommand: Command = {
  name: 'tophosts',
  words: [],
  options: { watch: { type: 'boolean', short: 'w' }, cluster: { type: 'boolean' } },
  summary: "the appliance's table of the queue and its intakes",
  help: [
    '--watch, -w  shows it anew every 2 seconds, until Ctrl-C',
    '--cluster    of all machines that share their figures ([cluster] redis=true)',
  ],
  async run(call) {
    for (;;) {
      const { status, notes } = await picture(call)
      const lines = [...tophostsText(status), ...notes]
      if (!call.values['watch']) {
        show(call, rowsOf(status), () => lines)
        return EXIT.ok
      }
      call.terminal.repaint(call.json ? [JSON.stringify(rowsOf(status))] : lines)
      await wait(PAUSE)
    }
  },
}

async function picture(call: Call): Promise<{ status: Status; notes: readonly string[] }> {
  const directory = call.directory()
  if (!call.values['cluster']) {
    return { status: await valueFrom<Status>(directory, { ask: 'status' }), notes: [] }
  }
  const view = await valueFrom<ClusterView>(directory, { ask: 'cluster-status' })
  if (!view.total) throw new Stop(EXIT.no, 'no machine has reported lately')
  const silent = silentText(view)
  return { status: view.total, notes: silent.length > 0 ? ['', ...silent] : [] }
}
