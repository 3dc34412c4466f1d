import { Heap, type Placed } from '../base/heap'
import { Histogram } from '../monitor/over-time'
import { QUEUE_AGES } from '../monitor/status'
import type { Copy } from './copy'

export interface SchedulerStats {
  readonly prepared: number
  readonly deferred: number
  readonly held: number
  /** What is held, whether copies wait or not: domains, or `all`. */
  readonly holds: readonly string[]
  /** Milliseconds. */
  readonly oldestAgeMs: number
  /** Of the copies of each intake address. */
  readonly oldestAges: ReadonlyMap<string, number>
  /** By age, with the limits of QUEUE_AGES. */
  readonly ages: readonly number[]
}

/** Milliseconds that ages are told apart by. */
const GRAIN = 100

const OLDEST_LIMIT = QUEUE_AGES.at(-1) ?? 0

/** The copies for one intake that entered the queue in the same grain, which is `at`. */
interface Grain extends Placed {
  copies: number
}

/** What waits for one intake. */
class Waiting {
  readonly grains = new Map<number, Grain>()
  private readonly heap = new Heap<Grain>()

  get oldest(): number {
    return this.heap.first?.at ?? Infinity
  }

  count(at: number, change: 1 | -1): void {
    let grain = this.grains.get(at)
    if (!grain) {
      grain = { at, copies: 0, place: -1 }
      this.grains.set(at, grain)
      this.heap.add(grain)
    }
    grain.copies += change
    if (grain.copies > 0) return
    this.grains.delete(at)
    this.heap.take(grain)
  }
}

/**
 * The counts of what a scheduler has, kept up to date with each step: to look at a hundred thousand
 * copies whenever somebody asks would hold up other mail.
 */
export class Census {
  private readonly at = new Map<string, number>()
  /** By intake address. */
  private readonly waiting = new Map<string, Waiting>()
  /** By the grain in which they entered the queue; those before `old` are one count. */
  private readonly recent = new Map<number, number>()
  private old = { before: -Infinity, copies: 0 }

  enter(copy: Copy, at: string): void {
    copy.grain = Math.floor(copy.enqueuedAt / GRAIN)
    this.count(copy, at, 1)
  }

  leave(copy: Copy, at: string): void {
    this.count(copy, at, -1)
  }

  stats(now: number, holds: readonly string[]): SchedulerStats {
    const ageOf = (grain: number) => Math.max(0, now - grain * GRAIN)
    this.forgetGrainsBefore(Math.ceil((now - OLDEST_LIMIT) / GRAIN))
    const ages = new Histogram(QUEUE_AGES)
    ages.add(Infinity, this.old.copies)
    for (const [grain, copies] of this.recent) ages.add(ageOf(grain), copies)
    const oldestAges = new Map<string, number>()
    for (const [intake, { oldest }] of this.waiting) oldestAges.set(intake, ageOf(oldest))
    const of = (at: string) => this.at.get(at) ?? 0
    const oldestAgeMs = [...oldestAges.values()].reduce((a, b) => Math.max(a, b), 0)
    const counts = { prepared: of('prepared'), deferred: of('waiting'), held: of('held') }
    return { ...counts, holds, oldestAgeMs, oldestAges, ages: ages.value().counts }
  }

  /** Whatever is older than the last limit is not told apart. */
  private forgetGrainsBefore(before: number): void {
    for (const [grain, copies] of this.recent) {
      if (grain >= before) continue
      this.recent.delete(grain)
      this.old.copies += copies
    }
    this.old.before = Math.max(this.old.before, before)
  }

  /** What cannot be removed has ended; it has no age. */
  private count({ recipient, grain }: Copy, at: string, change: 1 | -1): void {
    add(this.at, at, change)
    if (at === 'unremovable') return
    if (grain < this.old.before) this.old.copies += change
    else add(this.recent, grain, change)
    const waiting = this.waiting.get(recipient) ?? new Waiting()
    waiting.count(grain, change)
    if (waiting.grains.size > 0) this.waiting.set(recipient, waiting)
    else this.waiting.delete(recipient)
  }
}

function add<K>(counts: Map<K, number>, key: K, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change
  if (count > 0) counts.set(key, count)
  else counts.delete(key)
}
