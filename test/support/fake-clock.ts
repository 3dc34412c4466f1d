import type { Clock, Timer } from '../../plugins/tdc/clock'

interface FakeTimer {
  readonly due: number
  readonly then: () => void
}

/** More firings than this at one moment are a timer that sets itself again for ever. */
const MOST_FIRINGS_AT_A_MOMENT = 100_000

/**
 * A clock that stands still until a test moves it. `monotonic` starts at 1000, so that a test which
 * takes 0 for "long ago" is found out; `wall` starts at a fixed day and moves along with it.
 */
export class FakeClock implements Clock {
  private now = 1000
  private wallOffset = Date.UTC(2026, 0, 1) - 1000
  /** The latest first, so that the next one due is taken from the end. */
  private readonly timers: FakeTimer[] = []

  monotonic(): number {
    return this.now
  }

  wall(): number {
    return this.now + this.wallOffset
  }

  /** Sets the machine's clock, as an administrator or NTP would: `monotonic` does not move. */
  setWall(ms: number): void {
    this.wallOffset = ms - this.now
  }

  after(ms: number, then: () => void): Timer {
    const timer: FakeTimer = { due: this.now + Math.max(0, ms), then }
    this.timers.splice(this.placeFor(timer.due), 0, timer)
    return { cancel: () => this.remove(timer) }
  }

  /** How many timers are set. */
  get pending(): number {
    return this.timers.length
  }

  /**
   * Moves time forward by `ms`, firing each timer at its moment, in order, including those that are
   * set on the way. Promises settle before, between and after.
   */
  async advance(ms: number): Promise<void> {
    const target = this.now + ms
    let firings = 0
    await this.settle()
    for (let next = this.timers.at(-1); next && next.due <= target; next = this.timers.at(-1)) {
      firings = next.due > this.now ? 0 : firings + 1
      if (firings > MOST_FIRINGS_AT_A_MOMENT) throw new Error('a timer sets itself again for ever')
      this.timers.pop()
      this.now = Math.max(this.now, next.due)
      next.then()
      await this.settle()
    }
    this.now = target
  }

  /** So long nothing ran, as in a process that was stopped (SIGSTOP): what was due meanwhile fires late. */
  freeze(ms: number): void {
    this.now += ms
  }

  /** Lets promises settle without moving time. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }

  /** Timers due at the same moment fire in the order in which they were set. */
  private placeFor(due: number): number {
    let low = 0
    let high = this.timers.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.timers[middle]?.due ?? 0) > due) low = middle + 1
      else high = middle
    }
    return low
  }

  private remove(timer: FakeTimer): void {
    const index = this.timers.indexOf(timer)
    if (index >= 0) this.timers.splice(index, 1)
  }
}
