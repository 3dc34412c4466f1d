import type { Clock } from '../clock'

/** Milliseconds. */
const REMEMBERED_FOR = 3_600_000

/**
 * What the connections to one intake learn of each other: it does not know the BDAT that it offers,
 * or its replies got out of step. For an hour it gets DATA, where each reply is waited for: what one
 * window has shown, the next one would show again, and cost its copies their last attempt.
 */
export class ChunkingMemory {
  private avoidedUntil = -Infinity

  constructor(private readonly clock: Clock) {}

  get avoided(): boolean {
    return this.clock.monotonic() < this.avoidedUntil
  }

  avoid(): void {
    this.avoidedUntil = this.clock.monotonic() + REMEMBERED_FOR
  }
}
