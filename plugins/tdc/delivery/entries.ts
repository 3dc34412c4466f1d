import type { Cost } from './intake-record'
import type { Failure, Outcome } from '../smtp/outcome'
import type { Outgoing } from '../smtp/outgoing'
import { type Place, WaitingLine } from './waiting-line'

type Settle = (outcome: Outcome, message: Outgoing) => void

/** A message while the pool has it: it waits in the line, or it is on its way over a connection. */
export interface PooledMessage {
  readonly message: Outgoing
  readonly settle: Settle
  /** Its place in the line; undefined while it is on its way. */
  place: Place<PooledMessage> | undefined
  /** Turn at which it came, which is its place in the order. */
  readonly came: number
  /** Turn at which it last joined the line. */
  since: number
  /** How often it came back uncharged. */
  returns: number
  /** When it was handed to a connection, on the monotonic clock. */
  handedAt: number
  /** Its owner took it back while it was on its way. */
  aborted: boolean
}

/** A message that comes back uncharged this often fails, lest it go round for ever. */
const MOST_RETURNS = 3

/** For a message that was cut off with another, which its owner took back. */
const CUT_OFF: Failure = { kind: 'network', details: 'closed', reason: 'connection closed' }

/**
 * The messages of a pool, from `add` to the outcome. An outcome is first written down and told
 * later, by `tell`, when whoever is told may call the pool again; a message leaves the table when
 * its outcome is written down, so that it has exactly one.
 */
export class Entries {
  private readonly table = new Map<Outgoing, PooledMessage>()
  private readonly line = new WaitingLine<PooledMessage>()
  private outbox: { readonly entry: PooledMessage; readonly outcome: Outcome }[] = []
  /** What waited before this turn has failed, and is found out from the front to the end of the line. */
  private failing: { readonly turn: number; readonly outcome: Outcome } | undefined
  private next: Place<PooledMessage> | undefined

  /** `nextTurn` counts up; it tells what came before what. */
  constructor(private readonly nextTurn: () => number) {}

  get size(): number {
    return this.table.size
  }

  get waiting(): number {
    return this.line.size
  }

  get first(): PooledMessage | undefined {
    return this.line.first
  }

  add(message: Outgoing, settle: Settle): void {
    if (this.table.has(message)) throw new Error(`MID ${message.mid} is in this pool already`)
    const came = this.nextTurn()
    const counts = { came, since: came, returns: 0, handedAt: 0 }
    const entry: PooledMessage = { message, settle, ...counts, place: undefined, aborted: false }
    this.table.set(message, entry)
    entry.place = this.line.joinAtEnd(entry)
  }

  /** Ends a waiting message as aborted, and marks one that is on its way; returns that one. */
  takeBack(message: Outgoing): PooledMessage | undefined {
    const entry = this.table.get(message)
    if (!entry) return undefined
    entry.aborted = true
    if (!entry.place) return entry
    this.leave(entry)
    this.finish(entry, { kind: 'aborted', dcid: 0 })
    return undefined
  }

  /** Forgets a waiting message, without an outcome; false: it is on its way, or not here. */
  recall(message: Outgoing): boolean {
    const entry = this.table.get(message)
    if (!entry?.place) return false
    this.leave(entry)
    this.table.delete(message)
    return true
  }

  takeBackAll(): void {
    for (const message of this.table.keys()) this.takeBack(message)
  }

  /** Leaves the line for a connection. */
  leave(entry: PooledMessage): void {
    if (!entry.place) return
    if (this.next === entry.place) this.next = entry.place.behind
    this.line.leave(entry.place)
    entry.place = undefined
  }

  /**
   * Fails the messages that were waiting before `turn`, as `tell` comes to them. One that is handed out
   * before that is not hurt.
   */
  failThoseBefore(turn: number, outcome: Outcome): void {
    this.failing = { turn, outcome }
    this.next = this.line.front
  }

  /** What became of a message on its way: an outcome, or the front of the line again. */
  settle(entry: PooledMessage, outcome: Outcome, cost: Cost): void {
    const { kind, dcid } = outcome
    if (kind === 'delivered') return this.finish(entry, outcome)
    if (entry.aborted) return this.finish(entry, { kind: 'aborted', dcid })
    const failed =
      kind === 'failed' ? outcome : ({ kind: 'failed', dcid, failure: CUT_OFF } as const)
    if (cost === 'attempt') this.finish(entry, failed)
    else if (cost === 'return') this.comeBack(entry, failed)
    else this.rejoin(entry)
  }

  /** It may not come back uncharged again, so it needs a connection that charges what it does. */
  isOnLastReturn(entry: PooledMessage): boolean {
    return entry.returns >= MOST_RETURNS - 1
  }

  /** Tells up to `most` owners what became of their messages; true: there are more. */
  tell(quietly: (work: () => void) => void, most: number): boolean {
    this.failNext(most - this.outbox.length)
    if (this.outbox.length === 0) return this.failing !== undefined
    const told = this.outbox.slice(0, most)
    this.outbox = this.outbox.slice(most)
    for (const { entry, outcome } of told) quietly(() => entry.settle(outcome, entry.message))
    return this.outbox.length > 0 || this.failing !== undefined
  }

  /** Looks at up to `most` of the line, for those that have failed. */
  private failNext(most: number): void {
    for (let looked = 0; this.failing && looked < most; looked++) {
      const entry = this.next?.value
      if (!entry) this.failing = undefined
      else {
        const { turn, outcome } = this.failing
        this.next = this.next?.behind
        if (entry.since > turn) continue
        this.leave(entry)
        this.finish(entry, outcome)
      }
    }
  }

  private comeBack(entry: PooledMessage, outcome: Outcome): void {
    entry.returns += 1
    if (entry.returns >= MOST_RETURNS) this.finish(entry, outcome)
    else this.rejoin(entry)
  }

  /** Before those that came after it, so that the oldest are never overtaken. */
  private rejoin(entry: PooledMessage): void {
    entry.since = this.nextTurn()
    entry.place = this.line.joinBefore(entry, (other) => other.came > entry.came)
  }

  private finish(entry: PooledMessage, outcome: Outcome): void {
    this.table.delete(entry.message)
    this.outbox.push({ entry, outcome })
  }
}
