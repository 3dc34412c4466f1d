import { type Figure, median } from './figure'

/** One of the two that are compared: its name, and one round of it, as a rate. */
export interface Side {
  readonly name: string
  round(): Promise<number>
}

export interface Comparison {
  readonly name: string
  readonly unit: string
  readonly rounds: number
  /** A round of each before those that count. Default true. */
  readonly warmUp?: boolean
  readonly ours: Side
  readonly theirs: Side
}

/** Both in turns; who begins changes every round. */
export async function compare(comparison: Comparison): Promise<Figure> {
  const { name, unit, rounds, warmUp = true, ours, theirs } = comparison
  const rates = new Map<Side, number[]>([
    [ours, []],
    [theirs, []],
  ])
  for (let round = warmUp ? 0 : 1; round <= rounds; round++) {
    for (const side of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
      const rate = await side.round()
      if (round > 0) rates.get(side)?.push(rate)
    }
    if (round === 0) continue
    const shown = [ours, theirs].map((side) => `${side.name} ${show(rates.get(side)?.at(-1))}`)
    console.log(`${name} round ${round}: ${shown.join(', ')} ${unit}`)
  }
  const [mine, other] = [median(rates.get(ours) ?? []), median(rates.get(theirs) ?? [])]
  const ratio = mine / other
  console.log(
    `${name} median: ${ours.name} ${show(mine)}, ${theirs.name} ${show(other)} ${unit}, ` +
      `ratio ${ratio.toFixed(2)}`,
  )
  return { case: name, ratio, ours: mine, theirs: other, unit }
}

function show(rate: number | undefined): string {
  return (rate ?? Number.NaN).toFixed(1)
}
