import type { Clock } from '../../clock'
import type { Report } from '../../monitor/events'
import { parseHead, type QueueFileHead } from '../queue-file'
import type { Owner, SharedCopy } from './owner'
import { type RedisQueue, type QueueEntry, TAKEN_AT_ONCE } from './redis-queue'

/** Milliseconds after which an owner whose report stays the same is taken to be gone. */
export const SILENT = 15_000

/** Takes a copy in that was another's. */
export type TakeIn = (found: {
  readonly copy: SharedCopy
  readonly content: Buffer
  readonly head: QueueFileHead
  /** Milliseconds. */
  readonly age: number
  readonly attempts: number
}) => void

/**
 * Of the milliseconds between two looks no more count: this machine itself may have been paused, and with it those that
 * are looked at.
 */
const MOST_BETWEEN = 5_000

/** Milliseconds for the answer with the copies of one takeover, over a slow line. */
const TAKE_TIME = 5_000

export type InTime = <T>(work: Promise<T>, most?: number) => Promise<T>

/**
 * Copies of owners that report no more. How long they have not is measured here, on this machine's monotonic clock:
 * Redis's clock may be set, and after Redis was away all were silent.
 */
export class Orphans {
  /** The last report of each owner, and for how many milliseconds it has been that. */
  private readonly seen = new Map<string, { readonly report: string; readonly silent: number }>()
  private lookedAt = -Infinity
  /** Numbers that a takeover gives, until all that have one are here. */
  private doubtful: { readonly owner: Owner; readonly first: number }[] = []

  constructor(
    private readonly deps: {
      readonly clock: Clock
      readonly report: Report
      readonly takeIn: TakeIn
      /** What a takeover lasts, others must hear of this process; false: it is not `own` any more. */
      readonly isHere: (own: Owner) => Promise<boolean>
      /** That a queue file of it has here. */
      readonly nameOf: (name: string) => string
    },
  ) {}

  /** Redis was away: whoever has not reported meanwhile may be there all the same. */
  forget(): void {
    this.seen.clear()
  }

  /** Rejects when Redis does not answer. */
  async look(queue: RedisQueue, own: Owner, inTime: InTime): Promise<void> {
    const owners = await inTime(queue.owners())
    for (const name of this.seen.keys()) if (!owners.has(name)) this.seen.delete(name)
    const now = this.deps.clock.monotonic()
    const passed = Math.min(now - this.lookedAt, MOST_BETWEEN)
    this.lookedAt = now
    const gone: [name: string, report: string][] = []
    for (const [name, report] of owners) {
      if (name === own.name) continue
      const before = this.seen.get(name)
      const silent = before?.report === report ? before.silent + passed : 0
      this.seen.set(name, { report, silent })
      if (silent >= SILENT) gone.push([name, report])
    }
    for (const [name, report] of gone) await this.takeAll(queue, own, name, report, inTime)
  }

  private async takeAll(
    queue: RedisQueue,
    own: Owner,
    from: string,
    report: string,
    inTime: InTime,
  ): Promise<void> {
    let [count, hasMore] = [0, true]
    while (hasMore && (await this.deps.isHere(own))) {
      const first = own.numbers(TAKEN_AT_ONCE)
      const doubt = { owner: own, first }
      this.doubtful.push(doubt)
      const taken = await inTime(queue.take(from, report, own.name, first), TAKE_TIME)
      for (const entry of taken.entries) await this.take(queue, own, entry, taken.now, inTime)
      this.doubtful = this.doubtful.filter((each) => each !== doubt)
      count += taken.entries.length
      if (taken.wrong > 0) {
        const text = `${taken.wrong} entries of ${from} in the shared queue are no copies: kept in Redis for 7 days under aside:`
        this.deps.report({ kind: 'warning', text })
      }
      hasMore = taken.kind === 'more'
    }
    if (count === 0) return
    const text = `${count} copies of ${from} are taken over, which does not report any more`
    this.deps.report({ kind: 'warning', text })
  }

  private async take(
    queue: RedisQueue,
    own: Owner,
    { id, name, content, at, attempts }: QueueEntry,
    now: number,
    inTime: InTime,
  ): Promise<void> {
    const head = parseHead(content.length, content)
    if (typeof head === 'string') {
      this.deps.report({ kind: 'damaged', file: name, why: `${head}; Redis has it under aside` })
      await inTime(queue.setAside({ name, content }))
      await inTime(queue.end(own.name, [id]))
      return
    }
    const copy = own.copy(id, this.deps.nameOf(name), content)
    copy.hadAttempts = attempts > 0
    own.copies.set(id, copy)
    const age = Math.max(0, now - at) || 0
    this.deps.takeIn({ copy, content, head, age, attempts })
  }

  /** Copies may have been moved of which nothing is known here. */
  get isDoubtful(): boolean {
    return this.doubtful.length > 0
  }

  /** What was moved all the same. */
  async settleDoubts(queue: RedisQueue, own: Owner, inTime: InTime): Promise<void> {
    this.doubtful = this.doubtful.filter(({ owner }) => owner === own)
    for (const doubt of [...this.doubtful]) {
      const { now, entries } = await inTime(queue.moved(own.name, doubt.first), TAKE_TIME)
      for (const entry of entries) {
        const isKnown = own.copies.has(entry.id) || own.ended.has(entry.id)
        if (!isKnown) await this.take(queue, own, entry, now, inTime)
      }
      this.doubtful = this.doubtful.filter((each) => each !== doubt)
    }
  }
}
