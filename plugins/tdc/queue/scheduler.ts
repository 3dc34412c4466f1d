import type { Clock, Timer } from '../clock'
import type { Failure, Outcome, Taker } from '../delivery/outcome'
import type { Outgoing } from '../delivery/outgoing'
import type { Attempted, Report } from '../monitor/events'
import { Histogram } from '../monitor/histogram'
import { QUEUE_AGES } from '../monitor/status'
import { bounceResponse, expiredResponse } from './bounce-response'
import type { Copy } from './copy'
import type { Cause } from './kept-name'
import { stepAfter, type Step } from './step'

/** Where copies are handed to for delivery: the pool of their intake's domain. */
export interface Courier {
  submit(message: Outgoing, settle: (outcome: Outcome) => void): void
  abort(message: Outgoing): void
}

/** What happens to the queue file at the end of an attempt. */
export interface CopyFiles {
  /** Removes the file; false when it cannot be removed. */
  remove(copy: Copy): Promise<boolean>
  /** The end of a copy that failed: its file is kept or removed; false when it can be neither. */
  giveUp(copy: Copy, cause: Cause): Promise<boolean>
  /** Renames the file so that a restart knows of the attempt and the moment of the next. */
  postpone(copy: Copy, delay: number): Promise<void>
  /** Lets other plugins' `delivered` hooks know. */
  announce(copy: Copy, response: string, taker: Taker | undefined): Promise<void>
  exists(copy: Copy): Promise<boolean>
  /** Resolves when nothing is being done to the file any more. */
  settled(copy: Copy): Promise<void>
}

export interface SchedulerOptions {
  /** Milliseconds. */
  readonly maxAge: number
  readonly retryDelay: number
}

/**
 * Milliseconds until a file that could not be removed is tried again, doubled each time; every time
 * is a line in the log.
 */
const REMOVE_AGAIN = 5_000
const REMOVE_AGAIN_MOST = 3_600_000

/** Each copy that this process has, and where it stands. */
type Entry = { readonly copy: Copy; lastFailure?: Failure } & Stage
type Stage =
  /** Written ahead; the original is still on its way. */
  | { at: 'prepared' }
  | { at: 'courier'; expiry: Timer; expired: boolean }
  | { at: 'waiting'; expiry: Timer; retry: Timer }
  | { at: 'finishing' }
  /** Ended, but its file cannot be removed: it must not be sent again when Haraka loads it again. */
  | { at: 'unremovable' }

export interface SchedulerStats {
  readonly prepared: number
  readonly deferred: number
  /** Milliseconds. */
  readonly oldestAge: number
  /** Of the copies of each intake address. */
  readonly oldestAges: ReadonlyMap<string, number>
  /** By age, with the limits of QUEUE_AGES. */
  readonly ages: readonly number[]
}

/**
 * Owns every copy of this process from the moment its file is written until it is gone: hands it to
 * the courier, lets it wait for its retry, ends it when its time is over. It is also the lease: a
 * copy that is in here is not taken from Haraka a second time.
 */
export class Scheduler {
  private readonly entries = new Map<string, Entry>()
  private readonly reserved = new Set<string>()
  private readonly courierOf: (copy: Copy) => Courier
  private readonly files: CopyFiles
  private readonly clock: Clock
  private readonly report: Report
  private readonly options: () => SchedulerOptions

  constructor(deps: {
    courierOf: (copy: Copy) => Courier
    files: CopyFiles
    clock: Clock
    report: Report
    options: () => SchedulerOptions
  }) {
    this.courierOf = deps.courierOf
    this.files = deps.files
    this.clock = deps.clock
    this.report = deps.report
    this.options = deps.options
  }

  has(mid: string): boolean {
    return this.entries.has(mid) || this.reserved.has(mid)
  }

  /** Copies of this process, those that are being written included. */
  get size(): number {
    return this.entries.size + this.reserved.size
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
    this.entries.set(copy.mid, { copy, at: 'prepared' })
    this.reserved.delete(copy.mid)
  }

  /** The original was not accepted: the copy and its file go. */
  async withdraw(copy: Copy, why: string): Promise<void> {
    this.report({ kind: 'withdrawn', mid: copy.mid, why })
    await this.end(copy)
  }

  /** From now on the copy is to be delivered, within what is left of its time. */
  schedule(copy: Copy): void {
    const left = this.options().maxAge - this.age(copy)
    const entry: Entry = {
      copy,
      at: 'courier',
      expired: left <= 0,
      expiry: this.clock.after(Math.max(0, left), () => this.expire(copy)),
    }
    this.entries.set(copy.mid, entry)
    if (entry.expired) void this.take(copy, { kind: 'expired', dcid: 0, failure: undefined })
    else this.send(copy)
  }

  /** The process ends soon: what waits for its retry has it now, or in the next process. */
  hurry(): void {
    for (const entry of [...this.entries.values()]) {
      if (entry.at !== 'waiting') continue
      entry.retry.cancel()
      void this.files.settled(entry.copy).then(() => this.again(entry.copy))
    }
  }

  get stats(): SchedulerStats {
    let [prepared, deferred, oldestAge] = [0, 0, 0]
    const ages = new Histogram(QUEUE_AGES)
    const oldestAges = new Map<string, number>()
    for (const { at, copy } of this.entries.values()) {
      if (at === 'unremovable') continue
      if (at === 'prepared') prepared++
      if (at === 'waiting') deferred++
      const age = this.age(copy)
      ages.add(age)
      oldestAge = Math.max(oldestAge, age)
      oldestAges.set(copy.recipient, Math.max(oldestAges.get(copy.recipient) ?? 0, age))
    }
    return { prepared, deferred, oldestAge, oldestAges, ages: ages.value().counts }
  }

  private age(copy: Copy): number {
    return this.clock.monotonic() - copy.enqueuedAt
  }

  private send(copy: Copy): void {
    this.courierOf(copy).submit(copy, (outcome) => this.settle(copy, outcome))
  }

  private expire(copy: Copy): void {
    const entry = this.entries.get(copy.mid)
    if (entry?.at === 'courier') {
      // The courier answers with `aborted`, or with an outcome that was already on its way.
      entry.expired = true
      this.courierOf(copy).abort(copy)
    } else if (entry?.at === 'waiting') {
      entry.retry.cancel()
      void this.take(copy, { kind: 'expired', dcid: 0, failure: entry.lastFailure })
    }
  }

  private settle(copy: Copy, outcome: Outcome): void {
    const entry = this.entries.get(copy.mid)
    if (entry?.at !== 'courier') return
    const { expired, lastFailure } = entry
    const { failedAttempts } = copy
    void this.take(copy, stepAfter(outcome, { failedAttempts, expired, lastFailure }))
  }

  /** Carries a step out: file, log, counters; then the copy is gone, or waits. */
  private async take(copy: Copy, step: Step): Promise<void> {
    const entry = this.entries.get(copy.mid)
    if (!entry || step.kind === 'left') return
    if ('expiry' in entry && step.kind !== 'retry') entry.expiry.cancel()
    if (step.kind === 'retry') return await this.retry(copy, entry, step)

    this.entries.set(copy.mid, { copy, at: 'finishing' })
    if (step.kind !== 'delivered' && !(await this.files.exists(copy))) {
      this.report({ kind: 'vanished', mid: copy.mid, intake: copy.recipient })
      return await this.end(copy)
    }
    this.tell(copy, step)
    if (step.kind !== 'delivered') return await this.end(copy, step.kind)
    await this.files.announce(copy, step.response, step.taker)
    await this.end(copy)
  }

  private tell(copy: Copy, step: Exclude<Step, { kind: 'retry' | 'left' }>): void {
    const attempted = this.attempted(copy, step)
    switch (step.kind) {
      case 'delivered':
        return this.report({ kind: 'delivered', ...attempted, response: step.response })
      case 'tls-error': {
        const response = bounceResponse(step.failure, 5)
        return this.report({ kind: 'tls-error', ...attempted, response })
      }
      case 'hard-bounce': {
        const response = bounceResponse(step.failure, 5)
        const failure = step.failure.kind
        return this.report({ kind: 'hard-bounced', ...attempted, failure, response })
      }
      case 'expired': {
        const response = expiredResponse(step.failure)
        return this.report({ kind: 'expired', ...attempted, response })
      }
    }
  }

  private attempted(copy: Copy, { kind, dcid }: Exclude<Step, { kind: 'left' }>): Attempted {
    const { mid, recipient: intake, messageId, failedAttempts } = copy
    // What expired while it waited had no further attempt; a retry is counted already.
    const attempts = failedAttempts + (kind === 'retry' || kind === 'expired' ? 0 : 1)
    return { mid, intake, messageId, dcid, age: this.age(copy), attempts }
  }

  private async retry(copy: Copy, entry: Entry, step: Step & { kind: 'retry' }): Promise<void> {
    if (entry.at !== 'courier') return
    const { retryDelay } = this.options()
    copy.failedAttempts = step.retry
    this.entries.set(copy.mid, {
      copy,
      lastFailure: step.failure,
      at: 'waiting',
      expiry: entry.expiry,
      // Not before the file has its new name: a long copy is read from it.
      retry: this.clock.after(retryDelay, () => {
        void this.files.settled(copy).then(() => this.again(copy))
      }),
    })
    this.report({
      kind: 'deferred',
      ...this.attempted(copy, step),
      failure: step.failure.kind,
      response: bounceResponse(step.failure, 4),
      retry: step.retry,
      retries: step.retries,
      seconds: Math.round(retryDelay / 1000),
    })
    await this.files.postpone(copy, retryDelay)
  }

  private again(copy: Copy): void {
    const entry = this.entries.get(copy.mid)
    if (entry?.at !== 'waiting') return
    const { expiry, lastFailure } = entry
    this.entries.set(copy.mid, {
      copy,
      at: 'courier',
      expired: false,
      expiry,
      ...(lastFailure && { lastFailure }),
    })
    this.send(copy)
  }

  /** The lease ends only when the file is gone: a copy loaded again is then not found. */
  private async end(copy: Copy, cause?: Cause): Promise<void> {
    const gone = cause ? this.files.giveUp(copy, cause) : this.files.remove(copy)
    if (await gone) this.entries.delete(copy.mid)
    else {
      this.entries.set(copy.mid, { copy, at: 'unremovable' })
      this.endAgain(copy, cause, REMOVE_AGAIN)
    }
    this.reserved.delete(copy.mid)
  }

  /** A restart would send it once more, so the file goes as soon as the disk lets it. */
  private endAgain(copy: Copy, cause: Cause | undefined, delay: number): void {
    this.clock.after(delay, () => {
      const gone = cause ? this.files.giveUp(copy, cause) : this.files.remove(copy)
      void gone.then((isGone) => {
        if (isGone) this.entries.delete(copy.mid)
        else this.endAgain(copy, cause, Math.min(delay * 2, REMOVE_AGAIN_MOST))
      })
    })
  }
}
