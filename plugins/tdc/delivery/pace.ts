import type { Clock } from '../clock'

/** Milliseconds between two questions whether more is taken: the first, doubled up to the longest. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 2_000

/** Messages a second. */
const SLOWEST = 1
const INCREASE = 1

/** Milliseconds in which what is taken is counted. */
const MEASURED = 1_000

/** Milliseconds without a refusal after which there is no limit any more. */
const FORGOTTEN_AFTER = 600_000

/** Milliseconds that the answer to the question is waited for: it may never come. */
const PATIENCE = 30_000

/**
 * How fast messages are handed to an intake that said "too much mail". Nothing more is sent for a
 * moment, then one message asks, and when it is taken the others follow, half as fast as before; what
 * is taken makes it faster again, by one message a second each second (additive up, halved down, as
 * RFC 5681 has it for TCP). So a limit of so many in a time is used to its end, however long the time.
 */
export class Pace {
  /** Messages a second. */
  private rate = Infinity
  private nextAt = 0
  private pause = FIRST_PAUSE
  private slowedAt = -Infinity
  private asking = false
  private measure = { since: 0, taken: 0, before: 0 }

  constructor(private readonly clock: Clock) {}

  /** Messages a second; Infinity: as fast as it goes. */
  get perSecond(): number {
    if (this.clock.monotonic() - this.slowedAt > FORGOTTEN_AFTER) this.rate = Infinity
    return this.rate
  }

  get isSlowed(): boolean {
    return this.perSecond !== Infinity
  }

  /** When the next message may be handed out, on the monotonic clock. */
  get opensAt(): number {
    return this.isSlowed ? this.nextAt : 0
  }

  handedOut(): void {
    if (!this.isSlowed) return
    const now = this.clock.monotonic()
    const wait = this.asking ? PATIENCE : 1_000 / this.rate
    this.nextAt = Math.max(this.nextAt, now - wait) + wait
  }

  taken(): void {
    const now = this.clock.monotonic()
    const { since, taken } = this.measure
    if (now - since < MEASURED) this.measure.taken += 1
    else this.measure = { since: now, taken: 1, before: now - since < 2 * MEASURED ? taken : 0 }
    if (this.rate === Infinity) return
    this.rate += INCREASE / this.rate
    this.answered()
  }

  /** The question has an answer, whatever it is. */
  answered(): void {
    if (!this.asking) return
    this.asking = false
    this.pause = FIRST_PAUSE
    this.nextAt = this.clock.monotonic()
  }

  /** The question had no answer. */
  askAgain(): void {
    if (this.asking) this.nextAt = this.clock.monotonic()
  }

  /** "Too much", to a message that was handed out at `handedAt`; what was before it is no news. */
  refused(handedAt: number): void {
    if (handedAt < this.slowedAt) return
    const now = this.clock.monotonic()
    const wasAsking = this.asking
    if (!wasAsking) {
      const { taken, before } = this.measure
      const speed = Math.min(this.rate, Math.max(taken, before, 2 * SLOWEST))
      this.rate = Math.max(SLOWEST, speed / 2)
    }
    this.pause = wasAsking ? Math.min(2 * this.pause, LONGEST_PAUSE) : FIRST_PAUSE
    this.slowedAt = now
    this.asking = true
    this.nextAt = now + this.pause
  }
}
