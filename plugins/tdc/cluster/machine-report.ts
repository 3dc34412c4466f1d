import { safeText } from '../base/text'
import { mergeStatus, type Status, statusShape } from '../monitor/status'
import { RECENT_SHARED, type TrackedMessage, trackedShape } from '../monitor/tracked'
import { messageWithoutAddresses, statusWithoutAddresses } from '../monitor/without-addresses'
import { list, record, text } from '../base/shape'

/** What one machine tells the others. */
export interface MachineReport {
  /** Of this run of its server: two machines of one name are told apart by it. */
  readonly instance: string
  readonly status: Status
  /** The newest first; at most RECENT_SHARED. */
  readonly messages: readonly TrackedMessage[]
}

/** Octets. */
export const LONGEST_REPORT = 1024 * 1024
const LONGEST_INSTANCE = 32

const shape = record<MachineReport>({
  instance: text(LONGEST_INSTANCE),
  status: statusShape,
  messages: list(trackedShape, RECENT_SHARED),
})

/** What the others may see of a message. */
export function shownMessage(message: TrackedMessage, shareAddresses: boolean): TrackedMessage {
  return safe(shareAddresses ? message : messageWithoutAddresses(message))
}

/** What the others may see of the figures. */
export function shownStatus(status: Status, shareAddresses: boolean): Status {
  return safe(shareAddresses ? status : statusWithoutAddresses(status))
}

/** With as many of the messages as fit; undefined: the figures alone are too long. */
export function reportText({ instance, status, messages }: MachineReport): string | undefined {
  for (let kept = messages; ; kept = kept.slice(0, Math.floor(kept.length / 2))) {
    const written = JSON.stringify({ instance, status, messages: kept })
    if (Buffer.byteLength(written) <= LONGEST_REPORT) return written
    if (kept.length === 0) return undefined
  }
}

/** Whose report begins so; undefined: nobody's. */
export function instanceIn(head: string): string | undefined {
  return /^\{"instance":"([0-9a-f]+)"/.exec(head)?.[1]
}

/** A report, or the sentence that says what is wrong with it. Never throws. */
export function parseReport(written: string): MachineReport | string {
  if (Buffer.byteLength(written) > LONGEST_REPORT) return 'it is too long'
  let value: unknown
  try {
    value = JSON.parse(written)
  } catch {
    return 'it is not JSON'
  }
  const wrong = shape(value, 'it')
  if (wrong !== undefined) return wrong
  const report = value as MachineReport
  // Merged with nothing it has what a machine of an older version does not tell.
  return { ...report, status: mergeStatus([report.status]) }
}

/** The senders of mail wrote some of the texts: none of them acts on a terminal elsewhere. */
function safe<T>(value: T): T {
  return safeValue(value) as T
}

function safeValue(value: unknown): unknown {
  if (typeof value === 'string') return safeText(value)
  if (Array.isArray(value)) return value.map(safeValue)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [safeText(name), safeValue(each)]),
  )
}
