/** One figure: ours compared with theirs, measured in the same run. */
export interface Figure {
  readonly case: string
  /** Ours divided by theirs. */
  readonly ratio: number
  readonly ours: number
  readonly theirs: number
  readonly unit: string
  /** Ours minus theirs, in the same unit, where that is what the target is about. */
  readonly difference?: number
  /** Ours divided by version 0.2.0's. */
  readonly before?: number
  /** Milliseconds: the 99th percentile, ours minus theirs. */
  readonly p99?: number
  /** Seconds from the last 250 until every copy was delivered and its file gone. */
  readonly drain?: number
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** The value below which so much of all values is, `part` from 0 to 1. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
