import { LIMITS, bounded, safeCut } from '../base/text'
import type { BounceResponse, FailureClass, SkipReason, TdcEvent } from './events'
import { bounceText } from './lines'
import { Recent } from './recent'
import type { LastFailure, MessageCounters, QueueFigures, RecentMessages } from './status'

export type SkipCounters = { readonly [token in SkipReason['token']]: number }

/** Of the queue or of one intake; the ages are the scheduler's to know. */
export type Counted = Omit<QueueFigures, 'oldestAge'>

export interface CountersValue extends MessageCounters {
  readonly queue: Counted
  readonly intakes: Readonly<Record<string, Counted>>
  readonly recent: RecentMessages
}

/** Intake addresses counted by name; a queue directory full of invented ones must not fill memory. */
const MOST_INTAKES = 1000
export const OTHER_INTAKES = 'others'

/** Counts events since the process began. docs/log-reference.md lists every counter. */
export class Counters {
  private readonly queue = new QueueCounters()
  private readonly intakes = new Map<string, QueueCounters>()
  private readonly skipped = {
    disabled: 0,
    outgoing: 0,
    quarantined: 0,
    discarded: 0,
    'to-intake': 0,
    'own-report': 0,
    'not-clean': 0,
    'policy-no': 0,
  }
  private journalFailed = 0
  private inDoubt = 0
  private withdrawn = 0
  private tokensRefused = 0
  private originalsRefused = 0
  private fellBack = 0
  private normalized = 0
  private kept = 0
  private keptDropped = 0
  private replayed = 0
  private dropped = 0
  private readonly recent = new Recent(['missed', 'keptDropped'])

  /** Copies in the queue. */
  get depth(): number {
    return this.queue.active
  }

  /** `now` is the wall clock's. */
  count(event: TdcEvent, now: number): void {
    switch (event.kind) {
      case 'skipped':
        this.skipped[event.reason.token]++
        break
      case 'token-refused':
        this.tokensRefused++
        break
      case 'withdrawn':
        this.withdrawn++
        break
      case 'fell-back':
        this.fellBack++
        break
      case 'original-refused':
        this.originalsRefused++
        break
      case 'normalized':
        this.normalized++
        break
      case 'kept':
        this.kept++
        break
      case 'kept-dropped':
        this.keptDropped++
        this.recent.count('keptDropped', now)
        break
      case 'journal-failed':
        this.journalFailed++
        this.recent.count('missed', now)
        break
      case 'enqueued':
        if (event.doubt) this.inDoubt++
        this.countCopy(event, now)
        break
      case 'dropped':
        this.dropped++
        this.countCopy(event, now)
        break
      case 'replayed':
        this.replayed++
        this.countCopy(event, now)
        break
      case 'loaded':
      case 'adopted':
      case 'vanished':
      case 'delivered':
      case 'deferred':
      case 'tls-error':
      case 'hard-bounced':
      case 'expired':
        this.countCopy(event, now)
        break
    }
  }

  value(now: number): CountersValue {
    const intakes = [...this.intakes].map(
      ([name, counters]) => [name, counters.value(now)] as const,
    )
    return {
      queue: this.queue.value(now),
      intakes: Object.fromEntries(intakes),
      skipped: { ...this.skipped },
      journalFailed: this.journalFailed,
      inDoubt: this.inDoubt,
      withdrawn: this.withdrawn,
      tokensRefused: this.tokensRefused,
      originalsRefused: this.originalsRefused,
      fellBack: this.fellBack,
      normalized: this.normalized,
      kept: this.kept,
      keptDropped: this.keptDropped,
      replayed: this.replayed,
      dropped: this.dropped,
      recent: this.recent.value(now),
    }
  }

  private countCopy(event: CopyEvent, now: number): void {
    this.queue.count(event, now)
    this.of(event.intake).count(event, now)
  }

  private of(given: string): QueueCounters {
    const intake = safeCut(given, LIMITS.address)
    const isKnown = this.intakes.has(intake) || this.intakes.size < MOST_INTAKES
    const name = isKnown ? intake : OTHER_INTAKES
    let counters = this.intakes.get(name)
    if (!counters) this.intakes.set(name, (counters = new QueueCounters()))
    return counters
  }
}

type CopyEvent = Extract<
  TdcEvent,
  {
    kind:
      | 'enqueued'
      | 'loaded'
      | 'adopted'
      | 'replayed'
      | 'vanished'
      | 'dropped'
      | 'delivered'
      | 'deferred'
      | 'tls-error'
      | 'hard-bounced'
      | 'expired'
  }
>

/** The counters of the queue, or of one intake in it. */
class QueueCounters {
  active = 0
  private delivered = 0
  private softBounced = 0
  private hardBounced = 0
  private tlsErrors = 0
  private expired = 0
  private readonly failures = { reply: 0, tls: 0, network: 0, dns: 0, expired: 0 }
  private lastSuccess: number | null = null
  private lastFailure: LastFailure | null = null
  private readonly recent = new Recent(['delivered', 'reply', 'tls', 'network', 'dns', 'expired'])

  count(event: CopyEvent, now: number): void {
    switch (event.kind) {
      case 'enqueued':
      case 'loaded':
      case 'adopted':
      case 'replayed':
        this.active++
        break
      case 'vanished':
      case 'dropped':
        this.active--
        break
      case 'delivered':
        this.active--
        this.delivered++
        this.lastSuccess = now
        this.recent.count('delivered', now)
        break
      case 'deferred':
        this.softBounced++
        this.failed(event.failure, event.response, now)
        break
      case 'tls-error':
        this.tlsErrors++
        this.givenUp('tls', event.response, now)
        break
      case 'hard-bounced':
        this.givenUp(event.failure, event.response, now)
        break
      case 'expired':
        this.expired++
        this.givenUp('expired', event.response, now)
        break
    }
  }

  value(now: number): Counted {
    const { active, delivered, softBounced, hardBounced, tlsErrors, expired, lastSuccess } = this
    return {
      active,
      delivered,
      softBounced,
      hardBounced,
      tlsErrors,
      expired,
      failures: { ...this.failures },
      lastSuccess,
      lastFailure: this.lastFailure,
      recent: this.recent.value(now),
    }
  }

  private givenUp(failure: FailureClass, response: BounceResponse, now: number): void {
    this.active--
    this.hardBounced++
    this.recent.count(failure, now)
    this.failed(failure, response, now)
  }

  private failed(failure: FailureClass, response: BounceResponse, now: number): void {
    this.failures[failure]++
    const text = bounded(bounceText(response), LIMITS.sentence)
    this.lastFailure = { at: now, class: failure, text }
  }
}
