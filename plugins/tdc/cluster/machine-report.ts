import { listOf, record, text } from '../base/shape'
import { safeText } from '../base/text'
import type { Report } from '../monitor/events'
import { messageWithoutAddresses, statusWithoutAddresses } from '../monitor/masked'
import { mergeStatus, type Status, statusShape } from '../monitor/status'
import { RECENT_SHARED, type TrackedMessage, trackedShape } from '../monitor/tracked'
import type { Link } from './redis-store'

/** What one machine tells the others. */
interface MachineReport {
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
  messages: listOf(trackedShape, RECENT_SHARED),
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
function instanceIn(head: string): string | undefined {
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

export interface MachineReportsDeps {
  readonly link: Link
  readonly report: Report
  readonly gather: () => Promise<Status>
  readonly recent: () => Promise<readonly TrackedMessage[]>
  readonly settings: () => { readonly machine: string; readonly shareAddresses: boolean }
  readonly instance: string
}

/** One failure is most often Redis being away, which has a line of its own already. */
const FAILURES_SAID = 2

/** Messages that are made ready at a time: mail may be received in the same process. */
const AT_A_TIME = 10

/** Tells the other machines what this one knows, in one command for all its processes. */
export class MachineReports {
  private failures = 0
  private hasReported = false
  private isDoubled = false

  constructor(private readonly deps: MachineReportsDeps) {}

  /** Never rejects. */
  async send(): Promise<void> {
    const { link, gather, recent, settings, instance } = this.deps
    const { machine, shareAddresses } = settings()
    try {
      const [status, messages] = await Promise.all([gather(), recent()])
      const text = reportText({
        instance,
        status: shownStatus(status, shareAddresses),
        messages: await shown(messages, shareAddresses),
      })
      if (text === undefined) return this.failed('they are too long')
      const asked = await link.ask((store) => store.report(machine, text))
      if (asked.kind === 'away') return this.failed(asked.why)
      this.succeeded()
      this.lookAtOther(machine, instanceIn(asked.value))
    } catch (error) {
      this.failed(error instanceof Error ? error.message : String(error))
    }
  }

  private failed(why: string): void {
    if (++this.failures === FAILURES_SAID) this.deps.report({ kind: 'not-reported', why })
  }

  private succeeded(): void {
    if (this.failures >= FAILURES_SAID) this.deps.report({ kind: 'reported-again' })
    this.failures = 0
  }

  /** After a start the report before is that of the last run; later, it is another machine's. */
  private lookAtOther(machine: string, other: string | undefined): void {
    const isOther = this.hasReported && other !== undefined && other !== this.deps.instance
    if (isOther && !this.isDoubled) {
      const text =
        `another machine reports as ${machine} too: give each a name of its own, ` +
        '[cluster] machine in tdc.ini'
      this.deps.report({ kind: 'warning', text })
    }
    this.isDoubled = isOther
    this.hasReported = true
  }
}

async function shown(
  messages: readonly TrackedMessage[],
  shareAddresses: boolean,
): Promise<TrackedMessage[]> {
  const ready: TrackedMessage[] = []
  for (const [at, message] of messages.entries()) {
    if (at % AT_A_TIME === 0) await new Promise((resolve) => setImmediate(resolve))
    ready.push(shownMessage(message, shareAddresses))
  }
  return ready
}
