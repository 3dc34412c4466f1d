import type { Clock, Timer } from '../clock'

/** Milliseconds. */
const MINUTE = 60_000

/**
 * Tells the first of a kind at once, and of those that follow, once a minute, how many there were and
 * which was the last.
 */
export class Repeats<T> {
  private timer: Timer | undefined
  private count = 0
  private last: T | undefined

  constructor(
    private readonly clock: Clock,
    private readonly tell: (last: T, count: number) => void,
  ) {}

  note(what: T): void {
    this.count += 1
    this.last = what
    if (!this.timer) this.flush()
  }

  private flush(): void {
    const { count, last } = this
    this.timer = undefined
    if (count === 0) return
    this.count = 0
    this.tell(last as T, count)
    this.timer = this.clock.after(MINUTE, () => this.flush())
  }
}
