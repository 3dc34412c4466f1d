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
  /** Ours, with the log, divided by this build's with a queue file for each copy. */
  readonly toFile?: number
  /** Ours divided by another build's: version 0.2.0, or that of `--against`. */
  readonly toBefore?: number
  /** Milliseconds: the 99th percentile, ours minus theirs. */
  readonly p99?: number
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** The value below which so much of all values is, `part` from 0 to 1. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
