/** Milliseconds: what follows the first failure, doubled by each further one up to the longest. */
export interface Pauses {
  readonly first: number
  readonly longest: number
}

/*
 * An intake that is down must not see a storm of connections, yet be found within 5 s of coming
 * back, because a copy lives for 120 s only (spec 5.5). So the pause grows from one second to four, and the jitter, which keeps the workers of a machine apart, ends at five.
 */
const INTAKE_PAUSES: Pauses = { first: 1000, longest: 4000 }
const JITTER = 0.25

/** How long a destination has to be left alone after failed openings. Times are monotonic. */
export class Backoff {
  private failures = 0
  private failedAt = -Infinity
  private pauseEnd = 0
  private memoryEnd = 0

  /** `random` gives 0 to 1, as Math.random does. */
  constructor(
    private readonly random: () => number,
    private readonly pauses: Pauses = INTAKE_PAUSES,
  ) {}

  /** The last opening failed, so one attempt at a time is enough to find out whether it is over. */
  get failing(): boolean {
    return this.failures > 0
  }

  /** When the next opening may start; 0 at once. */
  get opensAt(): number {
    return this.pauseEnd
  }

  /** When failures may be forgotten if nothing was tried since: the longest pause is over. */
  get forgottenAt(): number {
    return this.memoryEnd
  }

  /**
   * An opening failed that began at `begun`. Pauses are counted from there, for an intake that is
   * silent takes its time to fail; but one never follows at the heels of the other. What began before
   * the last failure met the same one.
   */
  failed(now: number, begun?: number): void {
    if (begun === undefined || begun > this.failedAt) this.failures += 1
    this.failedAt = now
    const { first, longest } = this.pauses
    const pause = Math.min(longest, first * 2 ** (this.failures - 1))
    const jitter = 1 + JITTER * (2 * this.random() - 1)
    this.pauseEnd = Math.max((begun ?? now) + pause * jitter, now + first * jitter)
    this.memoryEnd = now + longest * (1 + JITTER)
  }

  reset(): void {
    this.failures = 0
    this.failedAt = -Infinity
    this.pauseEnd = 0
    this.memoryEnd = 0
  }
}
