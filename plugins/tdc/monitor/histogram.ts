import type { HistogramValue } from './status'

/** Counts values below given limits; one more count for those above the last. */
export class Histogram {
  private readonly counts: number[]
  private sum = 0
  private count = 0

  constructor(private readonly limits: readonly number[]) {
    this.counts = [...limits, Infinity].map(() => 0)
  }

  add(value: number): void {
    let at = 0
    while (at < this.limits.length && value > (this.limits[at] as number)) at++
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.sum += value
    this.count++
  }

  value(): HistogramValue {
    return { counts: [...this.counts], sum: this.sum, count: this.count }
  }
}
