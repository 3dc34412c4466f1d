import type { ClusterView, MachineView } from '../cluster/cluster-view'
import { health, type State } from '../monitor/health'

/** One machine of those that share their figures, as of its last report. */
export interface MachineRow {
  readonly machine: string
  readonly at: number
  readonly isSilent: boolean
  /** null: its last report is too long ago, or cannot be read. */
  readonly figures: {
    readonly enabled: boolean
    readonly level: string
    readonly state: State
    readonly active: number
    readonly delivered: number
    readonly softBounced: number
    readonly hardBounced: number
  } | null
}

/** What the page is told of other machines: no addresses. */
export interface MachinesView {
  readonly takenAt: number
  readonly machines: readonly MachineRow[]
}

export function machinesView({ takenAt, machines }: ClusterView): MachinesView {
  return { takenAt, machines: machines.map(rowOf) }
}

function rowOf({ machine, at, isSilent, status }: MachineView): MachineRow {
  if (!status) return { machine, at, isSilent, figures: null }
  const { enabled, level, queue } = status
  const { active, delivered, softBounced, hardBounced } = queue
  const { state } = health(status)
  const figures = { enabled, level, state, active, delivered, softBounced, hardBounced }
  return { machine, at, isSilent, figures }
}
