import type { Clock, Timer } from '../clock'

/** One timer for many moments: whoever is called looks at what is due, and sets the next one. */
export class Alarm {
  private moment = Infinity
  private timer: Timer | undefined

  constructor(
    private readonly clock: Clock,
    private readonly ring: () => void,
  ) {}

  /** Rings once at `moment` (monotonic) instead of at the moment set before; Infinity: never. */
  set(moment: number): void {
    if (moment === this.moment) return
    this.timer?.cancel()
    this.moment = moment
    this.timer = undefined
    if (moment === Infinity) return
    // Timers count whole milliseconds. Rounded down, it would ring before anything is due.
    const delay = Math.max(0, Math.ceil(moment - this.clock.monotonic()))
    this.timer = this.clock.after(delay, () => this.fire())
  }

  private fire(): void {
    this.moment = Infinity
    this.timer = undefined
    this.ring()
  }
}
