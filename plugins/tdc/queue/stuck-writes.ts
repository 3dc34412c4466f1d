import type { Clock, Timer } from '../clock'

/** Milliseconds after which a write that was given up should have ended, on whatever disk. */
const GRACE = 5_000

/** More than node has threads for files: then no other write is being done. */
const MOST = 64

/**
 * Messages whose time for their copies is over, and of which the disk still has a write: what is
 * written, and the MIDs, which a file may yet bear, are kept until it answers. A disk that hangs must
 * not fill the memory with them.
 */
export class StuckWrites {
  private count = 0

  constructor(private readonly clock: Clock) {}

  /** Why no further message is written; undefined: nothing speaks against it. */
  get lack(): string | undefined {
    if (this.count < MOST) return undefined
    return `the queue disk hangs, ${this.count} messages that were given up are still being written`
  }

  /** The writing of a message begins, until `signal`; what is returned is called when it has ended. */
  begin(signal: AbortSignal): () => void {
    let grace: Timer | undefined
    let isStuck = false
    const givenUp = () => {
      grace = this.clock.after(GRACE, () => {
        isStuck = true
        this.count++
      })
    }
    signal.addEventListener('abort', givenUp, { once: true })
    return () => {
      signal.removeEventListener('abort', givenUp)
      grace?.cancel()
      if (isStuck) this.count--
    }
  }
}
