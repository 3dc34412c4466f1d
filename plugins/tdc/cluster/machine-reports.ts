import type { Report } from '../monitor/events'
import type { Status } from '../monitor/status'
import type { TrackedMessage } from '../monitor/tracked'
import type { Link } from './link'
import { instanceIn, reportText, shownMessage, shownStatus } from './machine-report'

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
