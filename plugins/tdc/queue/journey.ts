import type { Clock } from '../clock'
import type { Doubt, Report } from '../monitor/events'
import { mistakeIn } from '../monitor/mistake'
import type { Route } from '../decide/decision'
import type { Copy } from './copy'
import type { Doubts } from './doubts'
import { type Fate, narrowed, type Nowhere } from './fate'
import {
  abortText,
  copiesIn,
  failuresIn,
  type JournalFailure,
  midOf,
  type Original,
  type PlannedCopy,
  type PreparedCopy,
  type Prepared,
  type Preparer,
  whenAborted,
} from './preparer'
import type { Scheduler } from './scheduler'

/** Where the copies of one message stand, from the decision until its original's fate is known. */
type Stage =
  | { at: 'decided' }
  | { at: 'preparing'; giveUp: AbortController }
  /** `anew`: they are being written once more. */
  | { at: 'prepared'; copies: readonly PreparedCopy[]; anew?: AbortController }
  /** The transaction is over, but somebody still has the original in hands. */
  | { at: 'waiting' }
  | { at: 'over' }

/** What became of the copies when the transaction ended. */
export type Settled =
  | { kind: 'sent' }
  | { kind: 'withdrawn'; because: Nowhere }
  /** These have no copy, though the original may have reached a mailbox. */
  | { kind: 'missed'; routes: readonly Route[] }
  /** It was settled before, or will be later, without anybody being asked again. */
  | { kind: 'nothing' }

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

/** The way of one message's copies: decided, prepared (on disk), then settled by its original's fate. */
export class Journey {
  private readonly scheduler: Scheduler
  private readonly clock: Clock
  private readonly report: Report
  private readonly doubts: Doubts
  private stage: Stage = { at: 'decided' }
  /** What tells the message from others; known when it has been read. */
  private digest: Original['digest']
  /** Milliseconds that writing may take. */
  private within = 0
  private withdrawn: Promise<unknown> = Promise.resolve()

  constructor(
    readonly routes: readonly Route[],
    deps: { scheduler: Scheduler; clock: Clock; report: Report; doubts: Doubts },
  ) {
    this.scheduler = deps.scheduler
    this.clock = deps.clock
    this.report = deps.report
    this.doubts = deps.doubts
  }

  get isOver(): boolean {
    return this.stage.at === 'over' || this.stage.at === 'waiting'
  }

  get isWaiting(): boolean {
    return this.stage.at === 'waiting'
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
    this.digest = original.digest
    this.within = within
    const deadline = this.clock.after(within, () => giveUp.abort(new Error(TOO_LONG)))
    const results = await this.write(preparer, original, planned, giveUp.signal)
    deadline.cancel()
    return this.written(results, giveUp.signal, allOrNothing)
  }

  /**
   * Writes the copies anew, of an original that was changed since: nobody has it yet. Resolves with why
   * some could not be; those stay as they are.
   */
  async rewrite(
    preparer: Preparer,
    original: Original,
    planned: readonly PlannedCopy[],
    within: number,
  ): Promise<string | undefined> {
    if (this.stage.at !== 'prepared') return undefined
    const giveUp = new AbortController()
    this.stage = { ...this.stage, anew: giveUp }
    const deadline = this.clock.after(within, () => giveUp.abort(new Error(TOO_LONG)))
    let failed: string | undefined
    const known = (result: Prepared) => {
      if (result.kind === 'failed') failed = result.why
      else if (this.scheduler.replace(result.copy, !giveUp.signal.aborted)) this.take(result)
    }
    const { signal } = giveUp
    await Promise.race([preparer.prepare(original, planned, signal, known), whenAborted(signal)])
    deadline.cancel()
    return signal.aborted ? abortText(signal) : failed
  }

  /** In the place of the one with its MID. */
  private take(anew: PreparedCopy): void {
    if (this.stage.at !== 'prepared') return
    const copies = this.stage.copies.map((each) => (each.copy.mid === anew.copy.mid ? anew : each))
    this.stage = { ...this.stage, copies }
  }

  /**
   * The original is queued, or the transaction ends; `fate` tells what is known of the original. While
   * somebody still has it in hands the copies wait; when it cannot be known they are sent, in doubt.
   */
  settle(fate: () => Fate): Settled {
    const { stage } = this
    switch (stage.at) {
      case 'decided':
      case 'preparing': {
        this.stage = { at: 'over' }
        const missed = fate().kind !== 'nowhere' && this.routes.length > 0
        // A plugin had the original before it was our turn, or while we wrote; or the client left.
        if (stage.at === 'preparing') {
          stage.giveUp.abort(new Error(missed ? QUEUED_MEANWHILE : CLIENT_LEFT))
        }
        return missed ? { kind: 'missed', routes: this.routes } : { kind: 'nothing' }
      }
      case 'prepared':
        // The message may not be read any more, and what is sent is what is there now.
        stage.anew?.abort(new Error(TRANSACTION_OVER))
        return this.settleCopies(stage.copies, fate(), fate)
      case 'waiting':
      case 'over':
        return { kind: 'nothing' }
    }
  }

  /** Resolves when no crash brings back what was withdrawn, or the disk takes too long over it. */
  whenWithdrawn(): Promise<void> {
    return new Promise((resolve) => {
      const late = this.clock.after(this.within, resolve)
      const done = () => (late.cancel(), resolve())
      this.withdrawn.then(done, done)
    })
  }

  private settleCopies(copies: readonly PreparedCopy[], now: Fate, fate: () => Fate): Settled {
    this.stage = { at: 'over' }
    switch (now.kind) {
      case 'delivered':
        this.send(copies, now.to, undefined)
        return { kind: 'sent' }
      case 'unknown':
        this.doubt(copies, now.to)
        return { kind: 'sent' }
      case 'nowhere':
        this.withdraw(copies, WITHDRAWN[now.because])
        return { kind: 'withdrawn', because: now.because }
      case 'open':
        this.wait(copies, fate)
        return { kind: 'nothing' }
    }
  }

  /** Looks again, less and less often, until it is known or nobody may be waited for any more. */
  private wait(copies: readonly PreparedCopy[], fate: () => Fate): void {
    this.stage = { at: 'waiting' }
    // What it is made of is let go of.
    this.digest?.()
    const since = this.clock.monotonic()
    const look = (pause: number): void =>
      void this.clock.after(pause, () => {
        const now = fate()
        const late = this.clock.monotonic() - since >= LONGEST_WAIT
        if (now.kind === 'open' && !late) return look(Math.min(pause * 2, LONGEST_PAUSE))
        this.settleCopies(copies, now.kind === 'open' ? { kind: 'unknown' } : now, fate)
      })
    look(SHORTEST_PAUSE)
  }

  /** A sender that tries again and again, while its outcome can't be known, gets one copy an hour. */
  private doubt(copies: readonly PreparedCopy[], to: readonly string[] | undefined): void {
    const digest = this.digest?.()
    for (const each of copies) {
      const { recipients, intake } = to ? narrowed(each.route, to) : each.route
      const fresh = this.doubts.newAmong(recipients, digest, intake.address)
      if (fresh.length === 0 && recipients.length > 0) this.withdraw([each], DOUBTED_BEFORE)
      else this.send([each], fresh, 'unknown')
    }
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
    await Promise.race([preparer.prepare(original, planned, signal, known), whenAborted(signal)])
    waiting = false
    return planned.map(
      ({ mid, route }) =>
        results.get(mid) ?? { kind: 'failed', mid, route, why: abortText(signal) },
    )
  }

  private async written(
    results: readonly Prepared[],
    signal: AbortSignal,
    allOrNothing: boolean,
  ): Promise<PrepareResult> {
    const copies = copiesIn(results)
    const failures = failuresIn(results)
    if (this.stage.at === 'over') {
      this.withdraw(copies, abortText(signal))
      return { kind: 'over' }
    }
    if (failures.length > 0 && allOrNothing) {
      this.withdraw(copies, 'another copy of the message failed')
      this.stage = { at: 'over' }
      if (copies.length > 0) await this.whenWithdrawn()
      return { kind: 'failed', failures }
    }
    for (const { copy } of copies) {
      const { mid, recipient: intake, size } = copy
      this.scheduler.lease(copy)
      this.report({ kind: 'prepared', mid, intake, size })
    }
    this.stage = { at: 'prepared', copies }
    return failures.length > 0 ? { kind: 'failed', failures } : { kind: 'prepared' }
  }

  /** Each names those of its recipients that are in `to`; where that is nobody, it goes. */
  private send(
    copies: readonly PreparedCopy[],
    to: readonly string[] | undefined,
    doubt: Doubt | undefined,
  ): void {
    for (const prepared of copies) {
      const { copy, route } = prepared
      const narrow = to && narrowed(route, to)
      if (narrow?.recipients.length === 0) this.withdraw([prepared], REACHED_OTHERS)
      else if (!narrow || narrow.recipients.length === route.recipients.length)
        this.enqueue(copy, doubt)
      else {
        const written = this.narrow(prepared, narrow).then(
          (fewer) => this.enqueue(fewer, doubt),
          (why: unknown) => {
            const text = `MID ${copy.mid} names recipients who do not have the original: ${String(why)}`
            this.report({ kind: 'problem', text })
            this.enqueue(copy, doubt ?? 'some')
          },
        )
        written.catch(mistakeIn('a copy for fewer recipients', this.report))
      }
    }
  }

  private async narrow({ copy, narrow }: PreparedCopy, route: Route): Promise<Copy> {
    const giveUp = new AbortController()
    const { signal } = giveUp
    const deadline = this.clock.after(this.within, () => giveUp.abort(new Error(TOO_LONG)))
    try {
      const written = narrow(route, signal).then((fewer) => {
        if (this.scheduler.replace(fewer, !signal.aborted)) return fewer
        throw new Error(`too late for ${copy.mid}`)
      })
      const late = whenAborted(signal).then(() => Promise.reject(signal.reason as Error))
      return await Promise.race([written, late])
    } finally {
      deadline.cancel()
    }
  }

  private enqueue(copy: Copy, doubt: Doubt | undefined): void {
    const { mid, messageId, recipient: intake } = copy
    // A backend that took its time with the original must not use up the copy's.
    copy.enqueuedAt = this.clock.monotonic()
    this.report({ kind: 'enqueued', mid, messageId, intake, doubt })
    this.scheduler.schedule(copy)
  }

  private withdraw(copies: readonly PreparedCopy[], why: string): void {
    const mistake = mistakeIn('a withdrawal', this.report)
    const all = copies.map(({ copy }) => this.scheduler.withdraw(copy, why).catch(mistake))
    this.withdrawn = Promise.all([this.withdrawn, ...all])
  }
}

/** What RFC 5321 section 4.5.3.2.6 gives a next hop to answer the end of a message. */
const LONGEST_WAIT = 600_000
const [SHORTEST_PAUSE, LONGEST_PAUSE] = [100, 10_000]
const WITHDRAWN: Readonly<Record<Nowhere, string>> = {
  quarantined: 'the original was quarantined',
  discarded: 'the original was discarded',
  rejected: 'the original was rejected',
  deferred: 'the original was deferred',
  'client-left': 'the client left before anybody had the original',
}
const REACHED_OTHERS = 'the original reached, or can have reached, other recipients only'
const DOUBTED_BEFORE =
  "the original's outcome is not known, as of an equal message within the hour, which has a copy"
const TOO_LONG = 'writing the copy took too long (prepare_timeout)'
const QUEUED_MEANWHILE = 'the original was queued before the copy was written'
const TRANSACTION_OVER = 'the transaction ended meanwhile'
const CLIENT_LEFT = 'the client left before the original was queued'
