/** A timer that was set and can be taken back. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/**
 * The two clocks of the connector and its timers, injected so that tests need no waiting.
 *
 * Durations (age, retry, deadlines) are measured with `monotonic`, which the machine's clock being
 * set does not move; `wall` only ever names a moment to people (Date headers, log, queue files).
 */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  monotonic(): number
  /** Milliseconds since 1970, as the machine's clock has it. */
  wall(): number
  /** Calls `then` once after `ms` milliseconds. Never keeps the process alive. */
  after(ms: number, then: () => void): Timer
}

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, then) => new SystemTimer(setTimeout(then, ms).unref()),
}

/** Every waiting copy has one: so it is small. */
class SystemTimer implements Timer {
  constructor(private readonly timeout: NodeJS.Timeout) {}

  cancel(): void {
    clearTimeout(this.timeout)
  }
}

/** Rejects when `work` has no answer after so many milliseconds; `late` is called then. */
export function inTime<T>(
  clock: Clock,
  work: Promise<T>,
  most: number,
  late: () => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = clock.after(most, () => {
      reject(new Error(`no answer in ${most / 1000} seconds`))
      late()
    })
    work.then(resolve, reject).finally(() => deadline.cancel())
  })
}
