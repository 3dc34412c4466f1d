import type { ClusterView, MachineView } from '../cluster/cluster-view'
import { health } from '../monitor/health'
import { durationText, momentText } from './moments'
import { statusText } from './status-text'
import { table } from './table'

/** Each machine in a row, and below what they know together. */
export function clusterText(view: ClusterView): string[] {
  const { machines, total } = view
  if (machines.length === 0) return ['no machine has reported yet']
  return [
    ...table([
      ['Machine', 'Last report', 'Connector', 'State', 'Active', 'Deliv.', 'Soft B.', 'Hard B.'],
      ...machines.map((machine) => machineRow(machine, view.takenAt)),
    ]),
    ...(total
      ? ['', 'Together, silent machines as of their last report:', ...statusText(total)]
      : []),
  ]
}

/** Every machine reports and is well. */
export function isClusterWell({ machines }: ClusterView): boolean {
  return (
    machines.length > 0 &&
    machines.every(
      ({ isSilent, status }) => !isSilent && status !== null && health(status).state === 'ok',
    )
  )
}

/** For tables of the figures alone: who is missing in them, or was not heard of lately. */
export function silentText({ machines }: ClusterView): string[] {
  return machines
    .filter(({ isSilent }) => isSilent)
    .map(({ machine, at }) => `${machine} reports no more, last at ${momentText(at)}`)
}

function machineRow(view: MachineView, now: number): (string | number)[] {
  const { machine, at, isSilent, status, wrong } = view
  const heard = isSilent ? `SILENT since ${momentText(at)}` : `${durationText(now - at)} ago`
  const name = machine
  if (!status) return [name, heard, wrong === null ? '-' : `unreadable: ${wrong}`]
  const { active, delivered, softBounced, hardBounced } = status.queue
  const enabled = `${status.enabled ? 'enabled' : 'disabled'} (${status.level})`
  return [name, heard, enabled, health(status).state, active, delivered, softBounced, hardBounced]
}
