import { mergeStatus } from '../monitor/status'
import type { Status } from '../monitor/status'
import { type MessagesSought, orderOf } from '../base/sought'
import { MESSAGE_ORDERS, type TrackedMessage } from '../monitor/tracked'
import { goesTo } from '../monitor/copies-of'
import { matcher } from '../monitor/tracking'
import { parseReport } from './machine-report'
import type { StoredReports } from './redis-store'

/** Milliseconds without a report after which a machine counts as silent. */
export const SILENT_AFTER = 15_000

export interface MachineView {
  readonly machine: string
  /** Its last report, by Redis's clock. */
  readonly at: number
  readonly isSilent: boolean
  /** As of the last report; null: that is too long ago, or cannot be read. */
  readonly status: Status | null
  /** What is wrong with the report; null: nothing. */
  readonly wrong: string | null
}

/** All machines, and what they know together. */
export interface ClusterView {
  /** Redis's clock. */
  readonly takenAt: number
  readonly machines: readonly MachineView[]
  /** Null: no machine has reported. */
  readonly total: Status | null
}

/** A message, and the machine that received it. */
type FoundMessage = TrackedMessage & { readonly machine: string }

export interface FoundInCluster {
  readonly messages: readonly FoundMessage[]
  /** Machines that report no more. */
  readonly silent: readonly string[]
}

export async function clusterView(stored: StoredReports): Promise<ClusterView> {
  const machines = (await read(stored)).map(({ messages: _, ...view }) => view)
  const [first, ...others] = machines.flatMap(({ status }) => status ?? [])
  return {
    takenAt: stored.now,
    machines,
    total: first ? mergeStatus([first, ...others]) : null,
  }
}

export async function findInCluster(
  stored: StoredReports,
  sought: MessagesSought,
): Promise<FoundInCluster> {
  const machines = await read(stored)
  const { wanted, intake, sort, most } = sought
  const isWanted = matcher(wanted || undefined, sought)
  const messages = machines
    .flatMap(({ machine, messages }) => messages.map((message) => ({ ...message, machine })))
    .filter((message) => isWanted(message) && (intake === '' || goesTo(message, intake)))
    .sort(orderOf(MESSAGE_ORDERS, sort))
  return {
    messages: messages.slice(0, most),
    silent: machines.filter(({ isSilent }) => isSilent).map(({ machine }) => machine),
  }
}

/** One machine at a time: mail may be received in the same process. */
async function read({ now, reports }: StoredReports) {
  const machines = []
  for (const { machine, at, text, leftOut } of reports) {
    await new Promise((resolve) => setImmediate(resolve))
    const report = text === null ? leftOut : parseReport(text)
    const isReadable = typeof report === 'object'
    machines.push({
      machine,
      at,
      isSilent: now - at > SILENT_AFTER,
      status: isReadable ? report.status : null,
      messages: isReadable ? report.messages : [],
      wrong: typeof report === 'string' ? report : null,
    })
  }
  return machines.sort((a, b) => (a.machine < b.machine ? -1 : 1))
}
