import { type Clock, inTime } from '../../clock'
import type { Report } from '../../monitor/events'
import { mistakeIn } from '../../monitor/mistake'
import type { CopyRecord, CopyStore, SharedCopies, StoredCopy } from '../copy-store'
import { Additions, type Addition } from './additions'
import { type InTime, type TakeIn, Orphans } from './orphans'
import { Outage } from './outage'
import { Owner, type SharedCopy } from './owner'
import { LONGEST_SHARED, type RedisQueue } from './redis-queue'
import { type Redis, Ways } from './ways'

/** Milliseconds between two reports of a process, and between two attempts to reach Redis. */
const REPORT_EVERY = 3_000
const TRY_EVERY = 1_000

/** Milliseconds for a copy, whose client waits for its 250, and for any other answer. */
const [ADD_TIME, ANSWER_TIME] = [500, 1_000]

/**
 * Milliseconds since its last report in which a process takes copies: others wait longer (`SILENT`, orphans.ts) until
 * they take them over. Durations are all that is compared, so no clock that is set can make two of them.
 */
const PRESENT_FOR = 10_000

/**
 * Milliseconds since Redis last said so in which copies are a process's own without asking. A virtual machine that was
 * paused has no clock that tells: so many of its copies as go out in that time may be others' by then.
 */
const SURE = 100

/** Milliseconds that ended copies are remembered: a replica that takes Redis's place may have them still. */
const ENDED_KEPT = 60_000

/** What the settings say of it. */
export interface SharedQueueSettings {
  readonly isWanted: boolean
  /** That have a copy before its original goes on. */
  readonly replicas: number
  readonly prefix: string
  readonly machine: string
}

/**
 * The copies of this process in the queue that all machines share, in Redis (docs/shared-queue.md). What Redis does
 * not take at once is for the caller to write elsewhere; what may have come to it all the same is ended there.
 */
export class SharedStore implements CopyStore, SharedCopies {
  readonly shared = this
  private owner: Owner
  private queue: RedisQueue | undefined
  private opening: Promise<void> | undefined
  private asking: Promise<void> | undefined
  /** When it was asked what Redis affirmed last; on the monotonic clock, as the others. */
  private affirmedAt = -Infinity
  private failedAt = -Infinity
  private readonly outage: Outage
  /** Milliseconds that Redis's clock is ahead of the monotonic one: this machine's other clock may be set. */
  private ahead = 0
  private isOver = false
  private isLeaving = false
  private readonly orphans: Orphans
  private readonly ways: Ways
  private readonly additions: Additions

  constructor(
    private readonly deps: {
      readonly redis: Redis
      readonly settings: () => SharedQueueSettings
      readonly clock: Clock
      readonly report: Report
      readonly takeIn: TakeIn
      readonly nameOf: (name: string) => string
      /** Copies are not this process's any more, or not in Redis. */
      readonly lost: (how: 'taken' | 'gone') => void
    },
  ) {
    const { redis, clock, report, takeIn, nameOf } = deps
    this.ways = new Ways(redis, clock, () => this.deps.settings().prefix)
    this.owner = this.newOwner()
    this.outage = new Outage(clock, report)
    const isHere = (own: Owner) => this.isHere(own)
    this.orphans = new Orphans({ clock, report, takeIn, isHere, nameOf })
    const isTogether = () => deps.settings().replicas > 0
    const onMistake = mistakeIn('the shared queue', report)
    this.additions = new Additions((batch) => this.add(batch), isTogether, onMistake)
  }

  /** Until `close`; the settings say at each turn whether there is anything to do. `delivers`: this process has copies. */
  start(delivers: () => boolean): void {
    if (this.isOver) return
    const { clock, report } = this.deps
    const turn = async () => (delivers() ? this.turn() : this.drop())
    turn()
      .catch(mistakeIn('the shared queue', report))
      .finally(() => {
        clock.after(this.queue ? REPORT_EVERY : TRY_EVERY, () => this.start(delivers))
      })
  }

  /** The process is about to end: what it took over now would wait for that, and for its own silence. */
  leave(): void {
    this.isLeaving = true
  }

  close(): void {
    this.isOver = true
    this.drop()
  }

  /** Why it takes no copies; null: it does, or is not wanted. */
  get trouble(): { readonly why: string } | null {
    return this.deps.settings().isWanted ? this.outage.current : null
  }

  takes(octets: number): boolean {
    if (!this.deps.settings().isWanted || octets > LONGEST_SHARED) return false
    return this.isUp && this.ways.isHome(this.owner)
  }

  append(record: CopyRecord, signal: AbortSignal): Promise<SharedCopy> {
    signal.throwIfAborted()
    return this.additions.append(record)
  }

  async end(stored: StoredCopy, durably?: 'durably'): Promise<void> {
    const { owner, id, hadAttempts } = stored as SharedCopy
    const { queue } = this
    owner.copies.delete(id)
    if (owner.state !== 'ours') return
    owner.ended.set(id, this.deps.clock.monotonic())
    if (!queue) return
    const ended = this.inTime(queue.end(owner.name, [id], hadAttempts)).then(() =>
      durably ? this.reached(queue) : undefined,
    )
    const told = ended.catch((error: unknown) => this.fail(queue, error))
    if (durably) await told
  }

  list(): Iterable<SharedCopy> {
    return this.owner.copies.values()
  }

  /** It is this process's by the name that it has now. */
  isCurrent(stored: StoredCopy): boolean {
    return (stored as SharedCopy).owner === this.owner
  }

  has(stored: StoredCopy): boolean {
    return (stored as SharedCopy).owner.state !== 'taken'
  }

  confirm(stored: StoredCopy): Promise<void> | undefined {
    const { owner } = stored as SharedCopy
    if (owner.state === 'taken') return Promise.reject(new Error(TAKEN))
    if (owner.state === 'gone' || this.sinceAffirmed < SURE) return undefined
    const { queue } = this
    // It may have broken for the reason that others took over: a machine that was paused.
    const again = () => (queue && !this.queue ? this.ask() : undefined)
    const asked = this.ask().then(again)
    return asked.then(() => {
      if (!this.has(stored)) throw new Error(TAKEN)
    })
  }

  async read(stored: StoredCopy): Promise<Buffer> {
    const { owner, id, content } = stored as SharedCopy
    await this.confirm(stored)
    if (content) return content
    const { queue } = this
    if (!queue || owner.state !== 'ours') throw new Error('Redis does not have it now')
    return this.inTime(queue.read(owner.name, id))
  }

  note(stored: StoredCopy, attempts: number): void {
    const copy = stored as SharedCopy
    const { owner, id } = copy
    copy.hadAttempts = true
    const { queue } = this
    if (!queue || owner.state !== 'ours') return
    const noted = this.inTime(queue.noteAttempts(owner.name, id, attempts))
    noted.catch((error: unknown) => this.fail(queue, error))
  }

  /** `like`: where that is. */
  private newOwner(like?: Owner): Owner {
    const { machine, prefix } = this.deps.settings()
    return new Owner(machine, like?.prefix ?? prefix, like?.redis)
  }

  /** Milliseconds. */
  private get sinceAffirmed(): number {
    return this.deps.clock.monotonic() - this.affirmedAt
  }

  private get isUp(): boolean {
    return this.queue !== undefined && this.sinceAffirmed < PRESENT_FOR && !this.isOver
  }

  /** Its own copies may still wait here; it takes no others. */
  private get isDraining(): boolean {
    return this.isLeaving || !this.deps.settings().isWanted
  }

  private async turn(): Promise<void> {
    const isHome = this.ways.isHome(this.owner)
    if (!isHome) this.owner.forgetEnded(this.deps.clock.monotonic() - ENDED_KEPT)
    const isEmpty = this.owner.isEmpty && !this.orphans.isDoubtful
    if (isEmpty && !this.deps.settings().isWanted) {
      this.outage.forget()
      return this.drop()
    }
    if (isEmpty && !isHome) {
      this.drop()
      this.owner = this.newOwner()
      this.affirmedAt = -Infinity
    }
    await this.ask()
    const { queue, owner } = this
    if (!queue || !this.isUp) return
    const inTime: InTime = (work, most) => this.inTime(work, most)
    const settled = this.orphans.settleDoubts(queue, owner, inTime)
    const look = () => (this.isDraining ? undefined : this.orphans.look(queue, owner, inTime))
    await settled.then(look).catch((error: unknown) => this.fail(queue, error))
  }

  /** Reports when that is due. */
  private async isHere(owner: Owner): Promise<boolean> {
    const { queue } = this
    if (this.sinceAffirmed > REPORT_EVERY) await this.ask()
    return queue === this.queue && owner === this.owner && this.isUp && !this.isDraining
  }

  /** Are its copies its own? When it resolves that is known, or Redis cannot be asked. */
  private ask(): Promise<void> {
    if (!this.queue) {
      // Just tried in vain: the next one who sends a copy need not wait as long again.
      if (this.deps.clock.monotonic() - this.failedAt < TRY_EVERY) return Promise.resolve()
      return (this.opening ??= this.open().finally(() => (this.opening = undefined)))
    }
    return (this.asking ??= this.report(this.queue).finally(() => (this.asking = undefined)))
  }

  private async report(queue: RedisQueue): Promise<void> {
    try {
      await this.beThere(queue, this.owner, false)
      if (this.owner.state !== 'ours') await this.begin(queue)
      this.owner.forgetEnded(this.deps.clock.monotonic() - ENDED_KEPT)
    } catch (error) {
      this.fail(queue, error)
    }
  }

  private async open(): Promise<void> {
    try {
      const { queue, redis } = await this.ways.open(this.owner, (each) => this.begin(each))
      if (this.isOver) return queue.close()
      this.queue = queue
      this.owner.redis = redis
      this.orphans.forget()
      this.told(undefined)
    } catch (error) {
      this.failedAt = this.deps.clock.monotonic()
      this.told(error)
    }
  }

  /** A connection begins, or an owner: what had ended is ended before anything is added, and what may be there after. */
  private async begin(queue: RedisQueue): Promise<void> {
    const { owner } = this
    const ended = () => this.inTime(queue.end(owner.name, [...owner.ended.keys()]))
    if (owner.state === 'ours') {
      await ended()
      await this.beThere(queue, owner, true)
      if (owner.state === 'ours') {
        await ended()
        return this.reached(queue)
      }
    }
    const how = owner.state
    this.owner = this.newOwner(owner)
    this.affirmedAt = -Infinity
    this.deps.lost(how === 'taken' ? 'taken' : 'gone')
    return this.begin(queue)
  }

  private async beThere(queue: RedisQueue, owner: Owner, marks: boolean): Promise<void> {
    const { clock } = this.deps
    const asked = clock.monotonic()
    const marker = marks ? owner.numbers() : undefined
    const { kind, now } = await this.inTime(queue.present(owner.name, owner.isNew, marker))
    owner.state = kind
    if (kind !== 'ours') return
    owner.isNew = false
    if (Number.isFinite(now)) this.ahead = now - clock.monotonic()
    this.affirmedAt = asked
  }

  private async reached(queue: RedisQueue): Promise<void> {
    const { replicas } = this.deps.settings()
    if (replicas > 0) await this.inTime(queue.reached(replicas, ADD_TIME))
  }

  private async add(batch: readonly Addition[]): Promise<void> {
    const { queue, owner } = this
    if (!queue || !this.isUp) {
      for (const { reject } of batch) reject(new Error('Redis is away'))
      return
    }
    const at = this.deps.clock.monotonic() + this.ahead
    const added = batch.map(({ record }) => ({ id: owner.numbers(), record }))
    for (const { id } of added) owner.ended.set(id, this.deps.clock.monotonic())
    try {
      const all = added.map(({ id, record }) => queue.add(owner.name, id, record, at))
      await this.inTime(Promise.all([...all, this.reached(queue)]), ADD_TIME)
    } catch (error) {
      for (const { reject } of batch) reject(error)
      return this.fail(queue, error)
    }
    added.forEach(({ id, record }, index) => {
      const copy = owner.copy(id, record.name, record.content)
      owner.copies.set(id, copy)
      owner.ended.delete(id)
      batch[index]?.resolve(copy)
    })
  }

  /** Ends the connection, so that no late reply is taken for another's; the next turn opens a new one. */
  private fail(queue: RedisQueue, error: unknown): void {
    if (queue !== this.queue) return
    this.drop()
    this.told(error)
  }

  private drop(): void {
    this.queue?.close()
    this.queue = undefined
  }

  private told(error: unknown): void {
    if (this.isOver) return
    if (error === undefined) this.outage.ends()
    else if (this.deps.settings().isWanted) this.outage.begins(error)
  }

  private inTime<T>(work: Promise<T>, most = ANSWER_TIME): Promise<T> {
    return inTime(this.deps.clock, work, most)
  }
}

const TAKEN = 'another machine has taken the copy over'
