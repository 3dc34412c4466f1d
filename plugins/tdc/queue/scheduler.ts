import type { Clock } from '../clock'
import type { Failure, Outcome } from '../smtp/outcome'
import type { Outgoing } from '../smtp/outgoing'
import type { Report } from '../monitor/events'
import { mistakeIn } from '../monitor/mistake'
import { deferredEvent, endEvent, fallbackEvent } from './attempt-events'
import { Appointments } from './appointments'
import type { Copy } from './copy'
import type { CopyFiles } from './copy-files'
import type { Courier } from './courier'
import type { Entry } from './entry'
import type { Holds } from './holds'
import { Census, type SchedulerStats } from './scheduler-stats'
import { givenUp, mayHaveArrived, stepAfter, type Step } from './next-step'

export interface SchedulerOptions {
  /** Milliseconds. */
  readonly maxAge: number
  readonly retryDelay: number
  /** Whether what this intake refuses for its content is sent once more, with the original as a file. */
  readonly fallsBack?: (intake: string) => boolean
}

/**
 * Milliseconds until a file that could not be removed is tried again, doubled each time; every time
 * is a line in the log.
 */
const REMOVE_AGAIN = 5_000
const REMOVE_AGAIN_MOST = 3_600_000

/** Milliseconds that reading the beginning of a file is waited for at the least. */
const READING = 5_000

/**
 * Owns every copy of this process from the moment its file is written until it is gone: hands it to
 * the courier, lets it wait for its retry, ends it when its time is over. It is also the lease: a
 * copy that is in here is not taken from Haraka a second time.
 */
export class Scheduler {
  private readonly leased = new Map<string, Entry>()
  private readonly reserved = new Set<string>()
  private readonly courierOf: (copy: Copy) => Courier
  private readonly files: CopyFiles
  private readonly clock: Clock
  private readonly report: Report
  private readonly options: () => SchedulerOptions
  private readonly holds: Holds
  private readonly census = new Census()
  /** The copies' retries, and the ends of their lives. */
  private readonly appointments: Appointments<Copy>

  constructor(deps: {
    courierOf: (copy: Copy) => Courier
    files: CopyFiles
    clock: Clock
    report: Report
    options: () => SchedulerOptions
    holds: Holds
  }) {
    this.courierOf = deps.courierOf
    this.files = deps.files
    this.clock = deps.clock
    this.report = deps.report
    this.options = deps.options
    this.holds = deps.holds
    this.appointments = new Appointments(deps.clock, (copy) => this.isDue(copy))
  }

  /** The copies of this process as they stand now, the oldest first. */
  entries(): IterableIterator<Entry> {
    return this.leased.values()
  }

  has(mid: string): boolean {
    return this.leased.has(mid) || this.reserved.has(mid)
  }

  /** Copies of this process, those that are being written included. */
  get size(): number {
    return this.leased.size + this.reserved.size
  }

  /** Before its file appears: Haraka may find that at any moment, and must not get it sent. */
  reserve(mid: string): void {
    this.reserved.add(mid)
  }

  /** No file appeared, or it is gone again. */
  unreserve(mid: string): void {
    this.reserved.delete(mid)
  }

  /** A reserved copy that is on disk now, but not to be sent yet. */
  lease(copy: Copy): void {
    this.put({ copy, at: 'prepared' })
    this.reserved.delete(copy.mid)
  }

  /**
   * The same copy, written anew while it is not to be sent yet. The file of the other one goes, or that of
   * this one when it comes too late.
   */
  replace(copy: Copy, inTime: boolean): boolean {
    const entry = this.leased.get(copy.mid)
    const replaced = inTime && entry?.at === 'prepared'
    if (replaced) this.lease(copy)
    this.begun(this.files.remove(replaced ? entry.copy : copy))
    return replaced
  }

  /** The original was not accepted: the copy and its file go. */
  async withdraw(copy: Copy, why: string): Promise<void> {
    this.report({ kind: 'withdrawn', mid: copy.mid, why })
    await this.end(copy, () => this.files.withdraw(copy))
  }

  /** From now on the copy is to be delivered, within what is left of its time. */
  schedule(copy: Copy): void {
    const left = this.options().maxAge - this.age(copy)
    if (left > 0 || this.holds.isHeld(copy.domain)) return this.begin(copy, left)
    this.put({ copy, at: 'finishing' })
    this.begun(this.take(copy, { kind: 'expired', dcid: 0, failure: undefined }))
  }

  /** Holds a copy back that waits for the courier or for its retry; what is on its way is left there. */
  pause(entry: Entry): void {
    const { copy, lastFailure } = entry
    if (entry.at !== 'courier' && entry.at !== 'waiting') return
    if (entry.at === 'courier' && (entry.over || !this.courierOf(copy).recall(copy))) return
    this.appointments.cancel(entry.until)
    this.put({ copy, lastFailure, at: 'held' })
  }

  /** A copy that was held goes out, with its whole time again; false: it is not held (any more). */
  resume(entry: Entry): boolean {
    const { at, copy, lastFailure } = entry
    if (at !== 'held' || this.holds.isHeld(copy.domain)) return false
    // Not before the file has its new name: a long copy is read from it.
    const begin = () => {
      if (this.leased.get(copy.mid) !== entry) return
      this.begin(copy, this.options().maxAge, lastFailure)
    }
    this.begun(this.files.settled(copy).then(begin))
    return true
  }

  /** A copy that waits for its retry has it now; false: it waits for none. */
  hasten(entry: Entry): boolean {
    if (entry.at !== 'waiting') return false
    this.retry(entry)
    return true
  }

  /** Ends a copy unsent; false: it is not here, its original is not queued yet, or it ends anyway. */
  drop(mid: string): boolean {
    const entry = this.leased.get(mid)
    switch (entry?.at) {
      case 'courier':
        entry.over = 'dropped'
        this.courierOf(entry.copy).abort(entry.copy)
        return true
      case 'waiting':
      case 'held':
        this.begun(this.take(entry.copy, { kind: 'dropped' }))
        return true
      default:
        return false
    }
  }

  find(mid: string): Entry | undefined {
    return this.leased.get(mid)
  }

  get stats(): SchedulerStats {
    return this.census.stats(this.clock.monotonic(), this.holds.list)
  }

  /** Milliseconds. */
  age(copy: Copy): number {
    return this.clock.monotonic() - copy.enqueuedAt
  }

  /** Work that goes on by itself. */
  private begun(work: Promise<unknown>): void {
    work.catch(mistakeIn('the queue', this.report))
  }

  /** To the courier, unless it is held. */
  private begin(copy: Copy, lifetime: number, lastFailure?: Failure): void {
    if (this.holds.isHeld(copy.domain)) {
      this.put({ copy, lastFailure, at: 'held' })
      return
    }
    this.hand(copy, Math.ceil(this.clock.monotonic() + lifetime), lastFailure)
  }

  private hand(copy: Copy, expiresAt: number, lastFailure?: Failure): void {
    const until = this.appointments.at(expiresAt, copy)
    this.put({ copy, lastFailure, at: 'courier', expiresAt, until })
    this.submit(copy)
  }

  private submit(copy: Copy): void {
    copy.mayFallBack = !copy.hasFallenBack && (this.options().fallsBack?.(copy.recipient) ?? false)
    this.courierOf(copy).submit(copy, this.settled)
  }

  private isDue(copy: Copy): void {
    const entry = this.leased.get(copy.mid)
    if (entry?.at === 'courier') {
      // The courier answers with `aborted`, or with an outcome that was already on its way.
      entry.over ??= 'expired'
      this.courierOf(copy).abort(copy)
    } else if (entry?.at === 'waiting') {
      if (entry.expiresAt > this.clock.monotonic()) return this.retry(entry)
      this.begun(this.take(copy, { kind: 'expired', dcid: 0, failure: entry.lastFailure }))
    }
  }

  /** One for all copies: a closure for each of those that wait would be there for nothing. */
  private readonly settled = (outcome: Outcome, { mid }: Outgoing): void => {
    const entry = this.leased.get(mid)
    if (entry?.at !== 'courier') return
    const { copy, over, lastFailure } = entry
    copy.mayHaveArrived ||= mayHaveArrived(outcome)
    const { failedAttempts, mayFallBack } = copy
    const history = { failedAttempts, over, lastFailure, mayFallBack }
    this.begun(this.take(copy, stepAfter(outcome, history)))
  }

  /** Carries a step out: file, log, counters; then the copy is gone, or waits. */
  private async take(copy: Copy, step: Step): Promise<void> {
    const entry = this.leased.get(copy.mid)
    if (!entry || step.kind === 'left') return
    if ('until' in entry) this.appointments.cancel(entry.until)
    if (step.kind === 'fallback') return this.fallBack(copy, entry, step)
    if (step.kind === 'retry') return await this.defer(copy, entry, step)

    this.put({ copy, at: 'finishing' })
    if (step.kind !== 'delivered' && !(await this.files.exists(copy))) {
      this.report({ kind: 'vanished', mid: copy.mid, intake: copy.recipient })
      return await this.end(copy)
    }
    if (step.kind === 'dropped') {
      this.report({ kind: 'dropped', mid: copy.mid, intake: copy.recipient })
      return await this.end(copy)
    }
    this.report(endEvent(copy, this.age(copy), step))
    if (step.kind !== 'delivered') {
      const how = givenUp(step, copy)
      return await this.end(copy, () => this.files.giveUp(copy, how))
    }
    await this.files.announce(copy, step.response, step.taker)
    await this.end(copy)
  }

  private async defer(copy: Copy, entry: Entry, step: Step & { kind: 'retry' }): Promise<void> {
    if (entry.at !== 'courier') return
    const { retryDelay } = this.options()
    copy.failedAttempts = step.retry
    const waiting = this.putOff(copy, retryDelay, entry.expiresAt, step.failure)
    this.report(deferredEvent(copy, this.age(copy), step, retryDelay))
    if (this.holds.isHeld(copy.domain)) this.pause(waiting)
    await this.files.postpone(copy, retryDelay)
  }

  /** As soon as it has its other form: the intake is there, and the copy's time goes on. */
  private fallBack(copy: Copy, entry: Entry, step: Step & { kind: 'fallback' }): void {
    if (entry.at !== 'courier') return
    const { dcid, failure } = step
    this.report(fallbackEvent(copy, this.age(copy), step))
    // For a disk that hangs: the report as it is, again.
    this.putOff(copy, Math.max(this.options().retryDelay, READING), entry.expiresAt, failure)
    const giveUp = () => this.take(copy, { kind: 'hard-bounce', dcid, failure })
    this.begun(copy.fallBack().then(() => this.again(copy), giveUp))
  }

  private putOff(copy: Copy, delay: number, expiresAt: number, lastFailure?: Failure): Entry {
    const retryAt = this.clock.monotonic() + delay
    const until = this.appointments.at(Math.min(retryAt, expiresAt), copy)
    const waiting: Entry = { copy, lastFailure, at: 'waiting', expiresAt, until }
    this.put(waiting)
    return waiting
  }

  /** Not before the file has its new name: a long copy is read from it. */
  private retry({ copy, lastFailure, expiresAt, until }: Entry & { at: 'waiting' }): void {
    this.appointments.cancel(until)
    this.putOff(copy, Infinity, expiresAt, lastFailure)
    this.begun(this.files.settled(copy).then(() => this.again(copy)))
  }

  private again(copy: Copy): void {
    const entry = this.leased.get(copy.mid)
    if (entry?.at !== 'waiting') return
    if (this.holds.isHeld(copy.domain)) return this.pause(entry)
    this.appointments.cancel(entry.until)
    this.hand(copy, entry.expiresAt, entry.lastFailure)
  }

  private put(entry: Entry): void {
    const { copy, at } = entry
    this.countOut(copy)
    this.census.enter(copy, at)
    // Its place among the others stays when it only goes on to another stage.
    this.leased.set(copy.mid, entry)
  }

  private remove(copy: Copy): void {
    this.countOut(copy)
    this.leased.delete(copy.mid)
  }

  private countOut({ mid }: Copy): void {
    const before = this.leased.get(mid)
    if (before) this.census.leave(before.copy, before.at)
  }

  /**
   * The lease ends only when the file is gone: a copy loaded again is then not found. A restart would
   * send it once more, so the file goes as soon as the disk lets it.
   */
  private async end(
    copy: Copy,
    leave = () => this.files.remove(copy),
    again = REMOVE_AGAIN,
  ): Promise<void> {
    if (await leave()) this.remove(copy)
    else {
      this.put({ copy, at: 'unremovable' })
      const later = Math.min(again * 2, REMOVE_AGAIN_MOST)
      this.clock.after(again, () => this.begun(this.end(copy, leave, later)))
    }
    this.reserved.delete(copy.mid)
  }
}
