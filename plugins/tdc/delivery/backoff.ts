/*
 * An intake that is down must not see a storm of connections, yet be found within 5 s of coming
 * back, because a copy lives for 120 s only (spec 5.5). So the pause grows from a quarter of a
 * second to four, and the jitter, which keeps the workers of a machine apart, ends at five.
 */
const FIRST_PAUSE = 250
const LONGEST_PAUSE = 4000
const JITTER = 0.25

/** How long a destination has to be left alone after failed openings. Times are monotonic. */
export class Backoff {
  private failures = 0
  private pauseEnd = 0
  private memoryEnd = 0

  /** `random` gives 0 to 1, as Math.random does. */
  constructor(private readonly random: () => number) {}

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

  failed(now: number): void {
    this.failures += 1
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.failures - 1))
    this.pauseEnd = now + pause * (1 + JITTER * (2 * this.random() - 1))
    this.memoryEnd = now + LONGEST_PAUSE * (1 + JITTER)
  }

  reset(): void {
    this.failures = 0
    this.pauseEnd = 0
    this.memoryEnd = 0
  }
}
