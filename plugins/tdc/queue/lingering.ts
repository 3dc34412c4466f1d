import type { Clock } from '../clock'
import type { Copy } from './copy'
import { FewAtOnce } from './few-at-once'

/** Milliseconds after which a copy that is still there gets its queue file. */
const LINGER = 2_000

/** Milliseconds between two looks. */
const LOOK_AGAIN = 500

/** Files that are written at a time. */
const FILED_AT_ONCE = 4

/**
 * Copies that have no queue file. One that stays gets its own, so that everything that waits stands in Haraka's
 * queue directory: for its tools, for those who look after it, and for the next start.
 */
export class Lingering {
  /** The oldest first; since when, on the monotonic clock. */
  private readonly copies = new Map<Copy, number>()
  private readonly few = new FewAtOnce(FILED_AT_ONCE)
  private isWatched = false

  /** `file`: gives a copy its queue file; false when that cannot be written. */
  constructor(
    private readonly clock: Clock,
    private readonly file: (copy: Copy) => Promise<boolean>,
    private readonly onMistake: (error: unknown) => void,
  ) {}

  add(copy: Copy): void {
    this.copies.set(copy, this.clock.monotonic())
    this.watch()
  }

  delete(copy: Copy): void {
    this.copies.delete(copy)
  }

  /** Without waiting for their time. */
  async fileAll(): Promise<void> {
    await Promise.all([...this.copies.keys()].map((copy) => this.give(copy)))
  }

  private watch(): void {
    if (this.isWatched || this.copies.size === 0) return
    this.isWatched = true
    this.clock.after(LOOK_AGAIN, () => {
      this.isWatched = false
      this.look()
      this.watch()
    })
  }

  private look(): void {
    const before = this.clock.monotonic() - LINGER
    for (const [copy, since] of this.copies) {
      if (since > before) return
      this.give(copy).catch(this.onMistake)
    }
  }

  private async give(copy: Copy): Promise<void> {
    this.copies.delete(copy)
    const isFiled = await this.few.run(() => this.file(copy))
    // It is in the log all the same, and is tried again.
    if (!isFiled) this.add(copy)
  }
}
