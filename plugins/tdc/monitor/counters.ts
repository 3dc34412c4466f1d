import { LIMITS, bounded, safeCut } from '../base/text'
import type { CopyCounts, SkipReason, TdcEvent } from './events'
import { rowOf } from './lines'
import { COUNTED, MESSAGE_COUNTS, type MessageCount } from './message-counts'
import { Recent } from './over-time'
import type { LastFailure, MessageCounters, QueueFigures, Status } from './status'
import { bounceText } from './words'

/** Of the queue or of one intake; the ages are the scheduler's to know. */
export type Counted = Omit<QueueFigures, 'oldestAgeMs'>

interface CountersValue extends MessageCounters {
  readonly queue: Counted
  readonly intakes: Readonly<Record<string, Counted>>
  readonly recent: Status['recent']
}

/** Intake addresses counted by name; a queue directory full of invented ones must not fill memory. */
const MOST_INTAKES = 1000
const OTHER_INTAKES = 'others'

/** Counts events since the process began, each as its row in the table of events says. */
export class Counters {
  private readonly queue = new QueueCounters()
  private readonly intakes = new Map<string, QueueCounters>()
  private readonly skipped: Record<SkipReason['token'], number> = {
    disabled: 0,
    outgoing: 0,
    quarantined: 0,
    discarded: 0,
    'to-intake': 0,
    'own-report': 0,
    'not-clean': 0,
    'policy-no': 0,
  }
  private readonly messages = Object.fromEntries(COUNTED.map(([name]) => [name, 0])) as Record<
    MessageCount,
    number
  >
  private readonly recent = new Recent(['missed', 'keptDropped', 'notKept'])

  /** Copies in the queue. */
  get depth(): number {
    return this.queue.depth
  }

  /** `now` is the wall clock's. */
  count(event: TdcEvent, now: number): void {
    const { counts, copy } = rowOf(event)
    if (event.kind === 'skipped') this.skipped[event.reason.token]++
    const name = typeof counts === 'function' ? counts(event) : counts
    if (name) this.countMessage(name, now)
    if (!copy || !('intake' in event)) return
    this.queue.count(event, copy, now)
    this.of(event.intake).count(event, copy, now)
  }

  value(now: number): CountersValue {
    const intakes = [...this.intakes].map(
      ([name, counters]) => [name, counters.value(now)] as const,
    )
    return {
      queue: this.queue.value(now),
      intakes: Object.fromEntries(intakes),
      skipped: { ...this.skipped },
      ...this.messages,
      recent: this.recent.value(now),
    }
  }

  private countMessage(name: MessageCount, now: number): void {
    this.messages[name]++
    const counted = MESSAGE_COUNTS[name]
    if ('recent' in counted) this.recent.count(counted.recent, now)
  }

  private of(given: string): QueueCounters {
    const known = this.intakes.get(given)
    if (known) return known
    const intake = safeCut(given, LIMITS.address)
    const isKnown = this.intakes.has(intake) || this.intakes.size < MOST_INTAKES
    const name = isKnown ? intake : OTHER_INTAKES
    let counters = this.intakes.get(name)
    if (!counters) this.intakes.set(name, (counters = new QueueCounters()))
    return counters
  }
}

/** The counters of the queue, or of one intake in it. */
class QueueCounters {
  private readonly counts = {
    active: 0,
    delivered: 0,
    softBounced: 0,
    hardBounced: 0,
    tlsErrors: 0,
    expired: 0,
  }
  private readonly failures = { reply: 0, tls: 0, network: 0, dns: 0, expired: 0 }
  private lastSuccess: number | null = null
  private lastFailure: LastFailure | null = null
  private readonly recent = new Recent(['delivered', 'reply', 'tls', 'network', 'dns', 'expired'])

  get depth(): number {
    return this.counts.active
  }

  count(event: TdcEvent, copy: CopyCounts, now: number): void {
    for (const name of Object.keys(copy) as (keyof CopyCounts)[]) {
      this.counts[name] += copy[name] ?? 0
    }
    const failure = rowOf(event).failure?.(event)
    if (copy.delivered) {
      this.lastSuccess = now
      this.recent.count('delivered', now)
    } else if (failure && 'response' in event && typeof event.response === 'object') {
      this.failures[failure]++
      const text = bounded(bounceText(event.response), LIMITS.sentence)
      this.lastFailure = { at: now, class: failure, text }
      if (copy.hardBounced) this.recent.count(failure, now)
    }
  }

  value(now: number): Counted {
    return {
      ...this.counts,
      failures: { ...this.failures },
      lastSuccess: this.lastSuccess,
      lastFailure: this.lastFailure,
      recent: this.recent.value(now),
    }
  }
}
