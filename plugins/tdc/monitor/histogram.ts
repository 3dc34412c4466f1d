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
    return { counts: [...this.counts], sum: this.sum, count: this.count }
  }
}
