import type { Clock } from '../clock'

/** Milliseconds until one more is tried after a refusal: the first time, doubled up to the longest. */
const FIRST_PAUSE = 5_000
const LONGEST_PAUSE = 300_000

/** Milliseconds until the next one when that was taken. */
const GROWTH_PAUSE = 1_000

/**
 * How many connections an intake takes from us at a time, learned from openings that it refuses while
 * others stand. One more is tried from time to time, more and more rarely while that is refused too.
 */
export class ConnectionLimit {
  private limit = Infinity
  private pause = FIRST_PAUSE
  private triesAt = 0
  private refusedAt = -Infinity

  constructor(private readonly clock: Clock) {}

  /** Infinity while nothing is known. */
  get connections(): number {
    return this.limit
  }

  /** How many may stand or be opened now. */
  get allowed(): number {
    return this.clock.monotonic() < this.triesAt ? this.limit : this.limit + 1
  }

  /** When one more may be tried, on the monotonic clock. */
  get growsAt(): number {
    return this.limit === Infinity ? Infinity : this.triesAt
  }

  /** An opening that began at `began` was refused while `standing` others stood, at least one. */
  refused(standing: number, began: number): void {
    const now = this.clock.monotonic()
    // Several of one step meet the same limit.
    if (began > this.refusedAt) {
      this.pause = this.limit === Infinity ? FIRST_PAUSE : Math.min(2 * this.pause, LONGEST_PAUSE)
    }
    this.limit = standing
    this.refusedAt = now
    this.triesAt = now + this.pause
  }

  /** An opening that began at `began` succeeded; with it `standing` stand. */
  opened(standing: number, began: number): void {
    if (standing <= this.limit) return
    this.limit = standing
    if (began <= this.refusedAt) return
    this.pause = FIRST_PAUSE
    this.triesAt = this.clock.monotonic() + GROWTH_PAUSE
  }
}
