/** One figure: ours compared with theirs, measured in the same run. */
export interface Figure {
  readonly case: string
  /** Ours divided by theirs. */
  readonly ratio: number
  readonly ours: number
  readonly theirs: number
  readonly unit: string
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
