import { LIMITS, bounded } from '../../base/text'
import type { Clock } from '../../clock'
import type { Report } from '../../monitor/events'

/** Redis takes no copies: one line when that begins, and one when it ends. */
export class Outage {
  /** `since`: on the monotonic clock. */
  current: { readonly since: number; readonly why: string } | null = null

  constructor(
    private readonly clock: Clock,
    private readonly report: Report,
  ) {}

  begins(error: unknown): void {
    if (this.current) return
    const why = bounded(error instanceof Error ? error.message : String(error), LIMITS.sentence)
    this.current = { since: this.clock.monotonic(), why }
    this.report({ kind: 'queue-away', why })
  }

  ends(): void {
    if (!this.current) return
    const seconds = Math.round((this.clock.monotonic() - this.current.since) / 1000)
    this.current = null
    this.report({ kind: 'queue-back', seconds })
  }

  /** Redis is not asked any more. */
  forget(): void {
    this.current = null
  }
}
