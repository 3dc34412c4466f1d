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

/** Milliseconds that ages are told apart by. */
const GRAIN = 100

/**
 * The counts of what a scheduler has, kept up to date with each step: to look at a hundred thousand
 * copies whenever somebody asks would hold up other mail.
 */
export class Census {
  private readonly at = new Map<string, number>()
  /** By intake address, and by the grain in which they entered the queue. */
  private readonly entered = new Map<string, Map<number, number>>()

  /** Counts a copy in; what it returns counts the same one out. */
  enter(copy: Copy, at: string): number {
    const grain = Math.floor(copy.enqueuedAt / GRAIN)
    this.count(copy, at, grain, 1)
    return grain
  }

  leave(copy: Copy, at: string, grain: number): void {
    this.count(copy, at, grain, -1)
  }

  stats(now: number, holds: readonly string[]): SchedulerStats {
    const ages = new Histogram(QUEUE_AGES)
    const oldestAges = new Map<string, number>()
    for (const [recipient, grains] of this.entered) {
      for (const [grain, copies] of grains) {
        const age = Math.max(0, now - grain * GRAIN)
        ages.add(age, copies)
        oldestAges.set(recipient, Math.max(oldestAges.get(recipient) ?? 0, age))
      }
    }
    const of = (at: string) => this.at.get(at) ?? 0
    const oldestAge = [...oldestAges.values()].reduce((a, b) => Math.max(a, b), 0)
    const counts = { prepared: of('prepared'), deferred: of('waiting'), held: of('held') }
    return { ...counts, holds, oldestAge, oldestAges, ages: ages.value().counts }
  }

  /** What cannot be removed has ended; it has no age. */
  private count({ recipient }: Copy, at: string, grain: number, change: 1 | -1): void {
    add(this.at, at, change)
    if (at === 'unremovable') return
    const grains = this.entered.get(recipient) ?? new Map<number, number>()
    add(grains, grain, change)
    if (grains.size > 0) this.entered.set(recipient, grains)
    else this.entered.delete(recipient)
  }
}

function add<K>(counts: Map<K, number>, key: K, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
