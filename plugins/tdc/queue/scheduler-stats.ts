import { Histogram } from '../monitor/histogram'
import { QUEUE_AGES } from '../monitor/status'
import type { Copy } from './copy'

export interface SchedulerStats {
  readonly prepared: number
  readonly deferred: number
  readonly held: number
  /** What is held, whether copies wait or not: domains, or `all`. */
  readonly holds: readonly string[]
  /** Milliseconds. */
  readonly oldestAge: number
  /** Of the copies of each intake address. */
  readonly oldestAges: ReadonlyMap<string, number>
  /** By age, with the limits of QUEUE_AGES. */
  readonly ages: readonly number[]
}

export function statsOf(
  entries: Iterable<{ readonly copy: Copy; readonly at: string }>,
  ageOf: (copy: Copy) => number,
  holds: readonly string[],
): SchedulerStats {
  let [prepared, deferred, held, oldestAge] = [0, 0, 0, 0]
  const ages = new Histogram(QUEUE_AGES)
  const oldestAges = new Map<string, number>()
  for (const { at, copy } of entries) {
    if (at === 'unremovable') continue
    if (at === 'prepared') prepared++
    if (at === 'waiting') deferred++
    if (at === 'held') held++
    const age = ageOf(copy)
    ages.add(age)
    oldestAge = Math.max(oldestAge, age)
    oldestAges.set(copy.recipient, Math.max(oldestAges.get(copy.recipient) ?? 0, age))
  }
  return { prepared, deferred, held, holds, oldestAge, oldestAges, ages: ages.value().counts }
}
