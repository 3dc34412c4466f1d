import type { Clock } from '../clock'
import type { Report } from '../monitor/events'
import type { Route } from '../decide/decision'
import type { Copy } from './copy'
import {
  abortText,
  copiesIn,
  midOf,
  type Original,
  type PlannedCopy,
  type Prepared,
  type Preparer,
} from './preparer'
import type { Scheduler } from './scheduler'

/** Where the copies of one message stand, from the decision to the end of its transaction. */
type Stage =
  | { at: 'decided' }
  | { at: 'preparing'; giveUp: AbortController }
  | { at: 'prepared'; copies: readonly Copy[]; queueTimedOut: boolean }
  | { at: 'over' }

/** What the client was told about the original; undefined while it was told nothing. */
export type Verdict = 'accepted' | 'rejected' | 'deferred' | undefined

export interface PrepareOptions {
  /** Milliseconds. */
  readonly within: number
  /** Take all copies back when one fails. */
  readonly allOrNothing: boolean
}

export type PrepareResult =
  | { kind: 'prepared' }
  /** These got no copy; the others are prepared, unless the policy is to defer the message. */
  | { kind: 'failed'; failures: readonly JournalFailure[] }
  /** The client left meanwhile, or the original is queued already. */
  | { kind: 'over' }

/** A copy that could not be written. */
export interface JournalFailure {
  readonly route: Route
  readonly why: string
}

/**
 * The way of one message's copies: decided, prepared (on disk), then committed when the original is
 * queued, or resolved when the transaction ends without that.
 */
export class Journey {
  readonly routes: readonly Route[]
  private readonly scheduler: Scheduler
  private readonly clock: Clock
  private readonly report: Report
  private stage: Stage = { at: 'decided' }

  constructor(
    routes: readonly Route[],
    deps: { scheduler: Scheduler; clock: Clock; report: Report },
  ) {
    this.routes = routes
    this.scheduler = deps.scheduler
    this.clock = deps.clock
    this.report = deps.report
  }

  /** Writes the copies. */
  async prepare(
    preparer: Preparer,
    original: Original,
    planned: readonly PlannedCopy[],
    { within, allOrNothing }: PrepareOptions,
  ): Promise<PrepareResult> {
    const giveUp = new AbortController()
    this.stage = { at: 'preparing', giveUp }
    const deadline = this.clock.after(within, () => giveUp.abort(new Error(TOO_LONG)))
    const results = await this.write(preparer, original, planned, giveUp.signal)
    deadline.cancel()
    return this.written(results, giveUp.signal, allOrNothing)
  }

  /** A queue plugin ran out of time: the original may have been queued all the same. */
  queueTimedOut(): void {
    if (this.stage.at === 'prepared') this.stage = { ...this.stage, queueTimedOut: true }
  }

  /**
   * The original is queued: the copies may go. The routes that are returned have none: a plugin
   * queued the original before it was our turn, or while we wrote.
   */
  commit(): readonly Route[] {
    const { stage } = this
    this.stage = { at: 'over' }
    switch (stage.at) {
      case 'decided':
        return this.routes
      case 'preparing':
        stage.giveUp.abort(new Error(QUEUED_MEANWHILE))
        return this.routes
      case 'prepared':
        this.send(stage.copies, false)
        return []
      case 'over':
        return []
    }
  }

  /** The transaction ends. What is still open is decided here; in doubt the copy is sent. */
  resolve(verdict: Verdict): void {
    switch (this.stage.at) {
      case 'preparing':
        // The client left while we wrote: no queue plugin has seen the original yet.
        this.stage.giveUp.abort(new Error(CLIENT_LEFT))
        break
      case 'prepared': {
        const { copies, queueTimedOut } = this.stage
        const refused = verdict === 'rejected' || verdict === 'deferred'
        if (refused && !queueTimedOut) this.withdraw(copies, `the original was ${verdict}`)
        else this.send(copies, verdict !== 'accepted')
        break
      }
    }
    this.stage = { at: 'over' }
  }

  /**
   * What became of each copy, when all are written or `signal` aborts: a disk that hangs must not hold
   * the original up. What it still writes after that is taken back.
   */
  private async write(
    preparer: Preparer,
    original: Original,
    planned: readonly PlannedCopy[],
    signal: AbortSignal,
  ): Promise<Prepared[]> {
    const results = new Map<string, Prepared>()
    let waiting = true
    const known = (result: Prepared) => {
      if (result.kind === 'failed') this.scheduler.unreserve(result.mid)
      if (waiting) results.set(midOf(result), result)
      else this.withdraw(copiesIn([result]), abortText(signal))
    }
    // From before a file can appear until it is leased, or is not there.
    for (const { mid } of planned) this.scheduler.reserve(mid)
    const all = preparer.prepare(original, planned, signal, known)
    await Promise.race([all, whenAborted(signal)])
    waiting = false
    return planned.map(
      ({ mid, route }) =>
        results.get(mid) ?? { kind: 'failed', mid, route, why: abortText(signal) },
    )
  }

  private written(
    results: readonly Prepared[],
    signal: AbortSignal,
    allOrNothing: boolean,
  ): PrepareResult {
    const copies = copiesIn(results)
    const failures = failuresIn(results)
    if (this.stage.at === 'over') {
      this.withdraw(copies, abortText(signal))
      return { kind: 'over' }
    }
    if (failures.length > 0 && allOrNothing) {
      this.withdraw(copies, 'another copy of the message failed')
      this.stage = { at: 'over' }
      return { kind: 'failed', failures }
    }
    for (const copy of copies) this.lease(copy)
    this.stage = { at: 'prepared', copies, queueTimedOut: false }
    return failures.length > 0 ? { kind: 'failed', failures } : { kind: 'prepared' }
  }

  private lease(copy: Copy): void {
    const { mid, recipient: intake, size } = copy
    this.scheduler.lease(copy)
    this.report({ kind: 'prepared', mid, intake, size })
  }

  private send(copies: readonly Copy[], inDoubt: boolean): void {
    this.stage = { at: 'over' }
    for (const copy of copies) {
      const { mid, messageId, recipient: intake } = copy
      // A backend that took its time with the original must not use up the copy's.
      copy.enqueuedAt = this.clock.monotonic()
      this.report({ kind: 'enqueued', mid, messageId, intake, inDoubt })
      this.scheduler.schedule(copy)
    }
  }

  private withdraw(copies: readonly Copy[], why: string): void {
    for (const copy of copies) void this.scheduler.withdraw(copy, why)
  }
}

const TOO_LONG = 'writing the copy took too long (prepare_timeout)'
const QUEUED_MEANWHILE = 'the original was queued before the copy was written'
const CLIENT_LEFT = 'the client left before the original was queued'

function failuresIn(results: readonly Prepared[]): JournalFailure[] {
  return results.flatMap((result) =>
    result.kind === 'failed' ? [{ route: result.route, why: result.why }] : [],
  )
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
