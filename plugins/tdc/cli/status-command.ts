import type { ClusterView } from '../cluster/cluster-view'
import { health } from '../monitor/health'
import type { Status } from '../monitor/status'
import { valueFrom } from './ask-server'
import { clusterText, isClusterWell } from './cluster-text'
import { type Call, type Command, show } from './command'
import { EXIT, type ExitCode } from './exit-code'
import { statusText } from './status-text'

export const statusCommand: Command = {
  name: 'status',
  words: [],
  options: { cluster: { type: 'boolean' } },
  summary: 'is it on, is it keeping up, what is wrong',
  help: [
    '--cluster    all machines that share their figures ([cluster] redis=true).',
    'The first line says ok, warning or failing, and why (docs/operations.md tells what to do);',
    'exit code 1: it is not ok, or a machine is silent.',
  ],
  async run(call) {
    if (call.values['cluster']) return clusterStatus(call)
    const status = await valueFrom<Status>(call.directory(), { ask: 'status' })
    show(call, status, () => statusText(status))
    return health(status).state === 'ok' ? EXIT.ok : EXIT.no
  },
}

async function clusterStatus(call: Call): Promise<ExitCode> {
  const view = await valueFrom<ClusterView>(call.directory(), { ask: 'cluster-status' })
  show(call, view, () => clusterText(view))
  return isClusterWell(view) ? EXIT.ok : EXIT.no
}
