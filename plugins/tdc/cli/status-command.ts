import type { ClusterView } from '../cluster/cluster-view'
import type { Status } from '../monitor/status'
import { valueFrom } from './ask-server'
import { clusterText, isClusterWell } from './cluster-text'
import { type Call, type Command, show } from './command'
import { EXIT, type ExitCode } from './exit-code'
import { isWell, statusText } from './status-text'

export const statusCommand: Command = {
  name: 'status',
  words: [],
  options: { cluster: { type: 'boolean' } },
  summary: 'is it on, is it keeping up, what is wrong',
  help: [
    '--cluster    all machines that share their figures ([cluster] redis=true).',
    'Exit code 1: disabled, settings refused, an intake down, or a worker or machine that is silent;',
    'in the last five minutes copies could not be written, or were given up and none delivered.',
  ],
  async run(call) {
    if (call.values['cluster']) return clusterStatus(call)
    const status = await valueFrom<Status>(call.directory(), { ask: 'status' })
    show(call, status, () => statusText(status))
    return isWell(status) ? EXIT.ok : EXIT.no
  },
}

async function clusterStatus(call: Call): Promise<ExitCode> {
  const view = await valueFrom<ClusterView>(call.directory(), { ask: 'cluster-status' })
  show(call, view, () => clusterText(view))
  return isClusterWell(view) ? EXIT.ok : EXIT.no
}
