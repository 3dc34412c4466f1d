/** What one minute saw. */
export interface MinuteFigures {
  /** Milliseconds since 1970 at which it began. */
  readonly at: number
  readonly delivered: number
  /** Copies given up. */
  readonly failed: number
  /** Copies in the queue at its end, or now. */
  readonly depth: number
}

const MINUTE = 60_000

/** Minutes that are kept. */
export const MINUTES_KEPT = 60

type Slot = { -readonly [K in keyof MinuteFigures]: MinuteFigures[K] }

/** The last hour in slots of one minute. Nothing is allocated while it counts. */
export class Minutes {
  private readonly slots: Slot[] = Array.from({ length: MINUTES_KEPT }, () => empty(0, 0))
  private newest = 0
  private depth = 0

  constructor(now: number) {
    this.newest = beginOf(now)
    this.slot(this.newest).at = this.newest
  }

  delivered(now: number): void {
    this.at(now).delivered++
  }

  failed(now: number): void {
    this.at(now).failed++
  }

  /** The queue holds so many copies from now on. */
  deep(now: number, depth: number): void {
    this.at(now).depth = this.depth = depth
  }

  /** From the start of the process, or the last hour, up to the present minute. */
  value(now: number): MinuteFigures[] {
    this.at(now)
    return this.slots
      .filter(({ at }) => at > 0)
      .map((slot) => ({ ...slot }))
      .sort((a, b) => a.at - b.at)
  }

  /** The present minute's slot; those between it and the last one saw nothing happen. */
  private at(now: number): Slot {
    const begin = beginOf(now)
    // A clock that was set back: what happens meanwhile counts for the newest minute.
    if (begin <= this.newest) return this.slot(this.newest)
    const first = Math.max(this.newest + MINUTE, begin - (MINUTES_KEPT - 1) * MINUTE)
    for (let at = first; at <= begin; at += MINUTE) {
      Object.assign(this.slot(at), empty(at, this.depth))
    }
    this.newest = begin
    return this.slot(begin)
  }

  private slot(at: number): Slot {
    return this.slots[(at / MINUTE) % MINUTES_KEPT] as Slot
  }
}

function empty(at: number, depth: number): Slot {
  return { at, delivered: 0, failed: 0, depth }
}

function beginOf(now: number): number {
  return Math.floor(now / MINUTE) * MINUTE
}

/** The minutes of several processes: each minute's sums. */
export function mergeMinutes(all: readonly (readonly MinuteFigures[])[]): MinuteFigures[] {
  const sums = new Map<number, Slot>()
  for (const { at, delivered, failed, depth } of all.flat()) {
    const sum = sums.get(at) ?? empty(at, 0)
    sum.delivered += delivered
    sum.failed += failed
    sum.depth += depth
    sums.set(at, sum)
  }
  return [...sums.values()].sort((a, b) => a.at - b.at).slice(-MINUTES_KEPT)
}
