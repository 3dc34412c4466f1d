import type { Clock } from '../clock'
import type { ClockJump } from './status'

/** Milliseconds: what NTP corrects little by little is less between two looks, and no copy's end moves by it. */
const A_JUMP = 10_000

/** Milliseconds that a jump is told of: whoever comes in the morning reads the night's log by it. */
const TOLD_FOR = 3_600_000

/**
 * Notices at each look that the machine's clock was set, or that the machine slept: the wall clock went
 * otherwise than the monotonic one. The status asks every ten seconds (health.ts).
 */
export class ClockJumps {
  private offset: number
  private last: { readonly jump: ClockJump; readonly until: number } | undefined

  constructor(private readonly clock: Pick<Clock, 'wall' | 'monotonic'>) {
    this.offset = clock.wall() - clock.monotonic()
  }

  /** The last jump of this hour. */
  look(): ClockJump | null {
    const [at, now] = [this.clock.wall(), this.clock.monotonic()]
    const byMs = Math.round(at - now - this.offset)
    if (Math.abs(byMs) >= A_JUMP) this.last = { jump: { at, byMs }, until: now + TOLD_FOR }
    this.offset = at - now
    return this.last && now < this.last.until ? this.last.jump : null
  }
}
