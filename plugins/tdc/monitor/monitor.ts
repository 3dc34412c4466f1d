import { safeText } from '../base/text'
import { CertificateWatch, TlsCounters } from './tls-counters'
import { Counters } from './counters'
import type { LogLevel, Report, TdcEvent } from './events'
import { Histogram, Minutes } from './over-time'
import { LastErrors } from './last-errors'
import { fieldsOf, linesOf, rowOf, uuidOf } from './lines'
import { TIMES_IN_QUEUE } from './status'
import { Tracking } from './tracking'

/** Writes one line; `fields` go along for the structured log formats. */
export type LogSink = (level: LogLevel, text: string, fields: Record<string, unknown>) => void

interface MonitorDeps {
  readonly log: LogSink
  readonly serviceName: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Messages that tracking keeps; 0: none. */
  readonly tracked: () => number
  /** Hears of every event last. */
  readonly listener?: (event: TdcEvent) => void
}

/** Domains whose TLS sessions are counted; copies for invented ones must not fill memory. */
const MOST_DOMAINS = 1000

/** Takes every event of the connector: writes its lines, counts it and keeps it for tracking. */
export class Monitor {
  readonly counters = new Counters()
  readonly minutes: Minutes
  readonly timeInQueue = new Histogram(TIMES_IN_QUEUE)
  readonly errors = new LastErrors()
  readonly tracking: Tracking
  private readonly tls = new Map<string, TlsCounters>()
  private readonly certificates = new CertificateWatch()

  constructor(private readonly deps: MonitorDeps) {
    this.minutes = new Minutes(deps.now())
    this.tracking = new Tracking(deps.tracked)
  }

  /**
   * Never throws: who reports goes on with the mail, often where nobody is left to catch anything and
   * Haraka would end.
   */
  readonly report = (event: TdcEvent): void => this.quietly(() => this.take(event))

  /** For the connections of one intake domain: what they report is counted for that. */
  reportOf(domain: string): Report {
    const tls = this.tlsOf(domain)
    return (event) => {
      this.quietly(() => tls.count(event))
      this.quietly(() => this.take(event, domain))
    }
  }

  tlsOf(given: string): TlsCounters {
    const domain = safeText(given)
    let tls = this.tls.get(domain)
    if (!tls) {
      tls = new TlsCounters()
      if (this.tls.size < MOST_DOMAINS) this.tls.set(domain, tls)
    }
    return tls
  }

  private take(event: TdcEvent, domain?: string): void {
    const now = this.deps.now()
    this.count(event, now)
    this.tracking.note(event, now, this.deps.serviceName())
    this.write(event, now, domain)
    this.deps.listener?.(event)
    const warning = this.certificates.warning(event, now)
    if (warning) this.report(warning)
  }

  private quietly(work: () => void): void {
    try {
      work()
    } catch (error) {
      try {
        complain(this.deps.log, `mistake in a report: ${error}`)
      } catch {
        // The log itself is what does not work.
      }
    }
  }

  private count(event: TdcEvent, now: number): void {
    const { counters, minutes } = this
    const before = counters.depth
    counters.count(event, now)
    if (counters.depth !== before) minutes.deep(now, counters.depth)
    if (event.kind === 'delivered') {
      minutes.delivered(now)
      this.timeInQueue.add(event.age)
    } else if (rowOf(event).copy?.hardBounced) {
      minutes.failed(now)
    }
  }

  private write(event: TdcEvent, now: number, domain: string | undefined): void {
    const { log, serviceName } = this.deps
    const lines = linesOf(event, serviceName())
    if (lines.length === 0) return
    this.errors.note(event, now, lines, domain)
    const uuid = uuidOf(event)
    const last = lines.length - 1
    // Once for each event: whoever counts results in a structured log counts copies.
    lines.forEach(({ level, text }, at) =>
      log(level, text, at === last ? { uuid, ...fieldsOf(event) } : { uuid }),
    )
  }
}

/** For a connector that does not come to be: only the line. */
export function complain(log: LogSink, text: string): void {
  for (const line of linesOf({ kind: 'problem', text }, ''))
    log(line.level, line.text, { uuid: '-' })
}
