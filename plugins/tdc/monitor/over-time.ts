import type { HistogramValue } from './status'

/** Counts values below given limits; one more count for those above the last. */
export class Histogram {
  private readonly counts: number[]
  private sum = 0
  private count = 0

  constructor(private readonly limits: readonly number[]) {
    this.counts = [...limits, Infinity].map(() => 0)
  }

  add(value: number, times = 1): void {
    let at = 0
    while (at < this.limits.length && value > (this.limits[at] as number)) at++
    this.counts[at] = (this.counts[at] ?? 0) + times
    this.sum += value * times
    this.count += times
  }

  value(): HistogramValue {
    return { counts: [...this.counts], sumMs: Math.round(this.sum), count: this.count }
  }
}

const MINUTE = 60_000

/** What is recent: this minute and the four before it. Longer than scripts wait between two looks. */
const RECENT_MINUTES = 5

/** How often each thing happened lately; nothing older is kept. */
export class Recent<Name extends string> {
  private readonly minutes: { begin: number; counts: Record<Name, number> }[] = []

  constructor(private readonly names: readonly Name[]) {}

  /** `now` is the wall clock's; one that was set back counts for the newest minute. */
  count(name: Name, now: number): void {
    const begin = Math.floor(now / MINUTE) * MINUTE
    let newest = this.minutes.at(-1)
    if (!newest || newest.begin < begin) {
      newest = { begin, counts: this.zero() }
      this.minutes.push(newest)
      if (this.minutes.length > RECENT_MINUTES) this.minutes.shift()
    }
    newest.counts[name]++
  }

  value(now: number): Record<Name, number> {
    const sums = this.zero()
    for (const { begin, counts } of this.minutes) {
      if (now - begin >= RECENT_MINUTES * MINUTE) continue
      for (const name of this.names) sums[name] += counts[name]
    }
    return sums
  }

  private zero(): Record<Name, number> {
    return Object.fromEntries(this.names.map((name) => [name, 0])) as Record<Name, number>
  }
}

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
