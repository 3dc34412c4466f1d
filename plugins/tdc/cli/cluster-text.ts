import type { ClusterView, MachineView } from '../cluster/cluster-view'
import type { Status } from '../monitor/status'
import { safeText } from '../base/text'
import { durationText, momentText } from './moments'
import { isWell, statusText } from './status-text'
import { table } from './table'

/** Each machine in a row, and below what they know together. */
export function clusterText(view: ClusterView): string[] {
  const { machines, total } = view
  if (machines.length === 0) return ['no machine has reported yet']
  return [
    ...table([
      ['Machine', 'Last report', 'Connector', 'Intake', 'Active', 'Deliv.', 'Soft B.', 'Hard B.'],
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
    machines.every(({ isSilent, status }) => !isSilent && status !== null && isWell(status))
  )
}

/** For tables of the figures alone: who is missing in them, or was not heard of lately. */
export function silentText({ machines }: ClusterView): string[] {
  return machines
    .filter(({ isSilent }) => isSilent)
    .map(({ machine, at }) => `${safeText(machine)} reports no more, last at ${momentText(at)}`)
}

function machineRow(view: MachineView, now: number): (string | number)[] {
  const { machine, at, isSilent, status, wrong } = view
  const heard = isSilent ? `SILENT since ${momentText(at)}` : `${durationText(now - at)} ago`
  const name = safeText(machine)
  if (!status) return [name, heard, wrong === null ? '-' : `unreadable: ${safeText(wrong)}`]
  const { active, delivered, softBounced, hardBounced } = status.queue
  const enabled = `${status.enabled ? 'enabled' : 'disabled'} (${safeText(status.level)})`
  return [name, heard, enabled, reachedText(status), active, delivered, softBounced, hardBounced]
}

function reachedText({ domains }: Status): string {
  const attempts = Object.values(domains).map(({ lastAttempt }) => lastAttempt)
  if (attempts.includes('down')) return 'down'
  return attempts.includes('up') ? 'up' : 'unknown'
}
