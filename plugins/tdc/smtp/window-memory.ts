import type { Clock } from '../clock'

/** Milliseconds. */
const REMEMBERED_FOR = 3_600_000

/**
 * What the connections to one intake learn of each other, of its windows over messages. By CHUNKING: it
 * does not know the BDAT that it offers, or its replies got out of step. For an hour it gets DATA, where
 * each reply is waited for: what one window has shown, the next one would show again, and cost its copies
 * their last attempt. By PIPELINING: whether it hears the commands behind a message; one connection finds
 * out, for where it does not (Haraka does not), that one is lost.
 */
export class WindowMemory {
  private avoidedUntil = -Infinity
  private hears = false
  private prober: object | undefined

  constructor(private readonly clock: Clock) {}

  get avoided(): boolean {
    return this.clock.monotonic() < this.avoidedUntil
  }

  /** Whether this connection may write commands behind a message. */
  mayStandBehind(connection: object): boolean {
    if (this.avoided) return false
    if (!this.hears) this.prober ??= connection
    return this.hears || this.prober === connection
  }

  get hearsBehind(): boolean {
    return this.hears
  }

  heardBehind(): void {
    this.hears = true
  }

  /** Another one may find out. */
  ended(connection: object): void {
    if (this.prober === connection) this.prober = undefined
  }

  avoid(): void {
    this.hears = false
    this.avoidedUntil = this.clock.monotonic() + REMEMBERED_FOR
  }
}
