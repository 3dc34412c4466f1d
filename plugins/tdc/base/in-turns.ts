import { setImmediate } from 'node:timers/promises'

/** Things that are looked at in one turn of the event loop: some tenths of a millisecond. */
export const AT_A_TIME = 250

/**
 * Passes over things of which there may be a hundred thousand; between some of them other mail has its
 * turns. Whoever takes his time sees what comes to a Map or a Set meanwhile, too.
 */
export async function* inTurns<T>(
  things: Iterable<T>,
  atATime = AT_A_TIME,
): AsyncGenerator<T, void, undefined> {
  let passed = 0
  for (const thing of things) {
    yield thing
    if (++passed % atATime === 0) await setImmediate()
  }
}

/** The same things in order, by a merge sort. */
export async function sortedInTurns<T>(
  things: Iterable<T>,
  order: (a: T, b: T) => number,
): Promise<T[]> {
  let runs: T[][] = []
  let run: T[] = []
  for await (const thing of inTurns(things)) {
    if (run.push(thing) < AT_A_TIME) continue
    runs.push(run.sort(order))
    run = []
  }
  runs.push(run.sort(order))
  while (runs.length > 1) {
    const longer: T[][] = []
    for (let at = 0; at < runs.length; at += 2) {
      const both: T[] = []
      const [one = [], other = []] = [runs[at], runs[at + 1]]
      for await (const thing of inTurns(merged(one, other, order))) both.push(thing)
      longer.push(both)
    }
    runs = longer
  }
  return runs[0] ?? []
}

function* merged<T>(
  one: readonly T[],
  other: readonly T[],
  order: (a: T, b: T) => number,
): Generator<T> {
  let [i, j] = [0, 0]
  while (i < one.length || j < other.length) {
    const [a, b] = [one[i], other[j]]
    const isFirst = j === other.length || (i < one.length && order(a as T, b as T) <= 0)
    if (isFirst) i++
    else j++
    yield (isFirst ? a : b) as T
  }
}
