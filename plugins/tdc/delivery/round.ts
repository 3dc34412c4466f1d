import type { Backoff } from '../base/backoff'
import type { PoolConnection } from './connection'
import type { Seats } from './connection-budget'
import { type ConnectionCensus, type Connections, HANGS_AFTER } from './connections'
import type { Entries, PooledMessage } from './entries'
import { wantedConnections } from './growth'
import type { IntakeRecord } from './intake-record'
import type { Failure } from '../smtp/outcome'
import { OPEN_TIMEOUT, type PoolOptions } from './pool-options'

const OPENING_TIMED_OUT: Failure = {
  kind: 'network',
  details: 'timeout',
  reason: 'connection timed out',
}

/** Openings at a time that are not greeted yet: the listen queue of a small server holds 20. */
const MOST_AT_ONCE = 10

/** Steps that hang, with nothing that stands, before openings are tried one by one. */
const MOST_SILENT_STEPS = 3

/** What a pool consists of, and what only the pool can do with it. */
export interface PoolParts {
  readonly entries: Entries
  readonly connections: Connections
  readonly backoff: Backoff
  readonly intake: IntakeRecord
  readonly seats: Seats
  /** Begins an opening that is given up at `deadline`. */
  begin(deadline: number): void
  send(connection: PoolConnection, entry: PooledMessage): void
  openingFailed(connection: PoolConnection, dcid: number, failure: Failure): void
}

/** One look at a whole pool: what is over, what is handed out, opened and closed. */
export class Round {
  constructor(
    private readonly pool: PoolParts,
    private readonly now: number,
    private readonly options: PoolOptions,
  ) {}

  /** Does what is due. Returns the moment at which to look again. */
  decide(): number {
    this.expire()
    this.share()
    this.dismiss(this.mostSent())
    const handsOutAgain = this.handOut()
    const { first } = this.pool.entries
    if (first) this.dismiss(this.mostSent(first))
    // What grows has no more connections than are wanted: there is nothing to shrink then.
    const census = this.pool.connections.census()
    const { grow, shrink } = { grow: this.grow(census), shrink: this.shrink(census) }
    return Math.min(handsOutAgain, grow, shrink, this.forget(), this.nextDeadline())
  }

  /** Gives up what takes too long to open or to close. */
  private expire(): void {
    const { connections, entries } = this.pool
    for (const connection of connections) {
      const { state } = connection
      if (state.kind === 'connecting' && state.deadline <= this.now) {
        connections.cut(connection)
        this.pool.openingFailed(connection, 0, OPENING_TIMED_OUT)
      } else if (state.kind === 'closing' && state.deadline <= this.now) {
        connections.cut(connection)
        // What was still on its way lands as lost.
        if (state.draining) continue
        connections.remove(connection)
        const outcome = { kind: 'aborted', dcid: state.session.dcid } as const
        for (const entry of state.flying) {
          // Nobody knows what the intake has of it.
          entries.settle(entry, outcome, 'attempt')
        }
      }
    }
  }

  /** Closes the idle connections that take no more or had their `mostSent` messages. */
  private dismiss(mostSent: number): void {
    const { connections } = this.pool
    for (const connection of connections) {
      const { state } = connection
      if (state.kind !== 'idle') continue
      if (!state.reusable) connections.cut(connection)
      else if (connection.retired || connection.sent >= mostSent)
        connections.quit(connection, state)
    }
  }

  /** Returns when to look again. */
  private handOut(): number {
    const { entries, connections, intake } = this.pool
    for (let entry = entries.first; entry; entry = entries.first) {
      if (this.now < intake.pace.opensAt) return intake.pace.opensAt
      const connection = connections.choose(this.mostSent(entry))
      if (!connection) return Infinity
      this.pool.send(connection, entry)
      intake.pace.handedOut()
    }
    return Infinity
  }

  /** What is beyond this pool's share, while others wait, takes no more messages; the idle ones go first. */
  private share(): void {
    let surplus = this.pool.seats.surplus
    if (surplus === 0) return
    for (const kind of ['closing', 'idle', 'busy'] as const) {
      for (const connection of this.pool.connections) {
        if (surplus === 0) return
        if (connection.state.kind !== kind) continue
        if (kind !== 'closing') connection.retired = true
        surplus -= 1
      }
    }
  }

  /**
   * Opens what is wanted and missing, in steps, so that an intake with a short queue for connections gets
   * all of them: the next one begins when those before are greeted, for on a long line that is long before
   * they stand. What was down is asked by the floor, and after a failed opening by one at a time: it must
   * not see a storm. An opening that hangs holds no other's place. Returns when to look again.
   */
  private grow(census: ConnectionCensus): number {
    const { seats, connections, entries } = this.pool
    const { minConnections, maxConnections, openTimeout = OPEN_TIMEOUT } = this.options
    const { begins, again } = this.missing(census)
    if (begins <= 0 || seats.surplus > 0) {
      seats.content()
      return again
    }
    const most = Math.max(minConnections, maxConnections)
    for (let begun = 0; begun < begins && connections.size < most; begun++) {
      if (!seats.take()) return again
      this.pool.begin(this.now + openTimeout)
    }
    seats.content()
    return entries.waiting > 0 ? Math.min(again, this.now + HANGS_AFTER) : again
  }

  /** How many openings may begin now, and when to look again. */
  private missing(census: ConnectionCensus): { begins: number; again: number } {
    const { entries, backoff, intake, seats } = this.pool
    const { connecting, hanging, greeted, idle, busy, flying } = census
    const [opening, standing] = [connecting - hanging, idle + busy]
    const { minConnections } = this.options
    const floor = Math.max(1, minConnections)
    const wanted = wantedConnections(entries.waiting + flying, this.options)
    const useful = Math.min(wanted, Math.max(floor, Math.ceil(intake.pace.perSecond)))
    const isThere = standing + greeted > 0
    const step = isThere || intake.lastAttempt !== 'down' ? Math.max(floor, MOST_AT_ONCE) : floor
    const allowed = Math.min(useful, isThere ? intake.connections.allowed : step)
    const lacking = allowed - opening - standing
    let again = this.nextHanging()
    if (lacking <= 0) {
      if (allowed < useful) again = Math.min(again, intake.connections.growsAt)
      return { begins: 0, again: again > this.now ? again : Infinity }
    }
    const opensAt = Math.max(seats.opensAt, backoff.opensAt)
    if (this.now < opensAt) return { begins: 0, again: Math.min(again, opensAt) }
    if (backoff.failing) return { begins: opening === 0 ? 1 : 0, again }
    const isSilent = standing === 0 && hanging >= MOST_SILENT_STEPS * floor
    return { begins: Math.min(lacking, (isSilent ? 1 : step) - (opening - greeted)), again }
  }

  /** When the next opening has hung for too long, while messages wait. */
  private nextHanging(): number {
    let next = Infinity
    if (this.pool.entries.waiting === 0) return next
    for (const { state, beganAt } of this.pool.connections) {
      const hangs = beganAt + HANGS_AFTER
      if (state.kind === 'connecting' && hangs > this.now) next = Math.min(next, hangs)
    }
    return next
  }

  /**
   * Closes idle connections that are more than wanted, the least recently used first, when their
   * time is over. Returns when to look again.
   */
  private shrink({ connecting, hanging, idle, busy, flying }: ConnectionCensus): number {
    const { entries, connections, seats } = this.pool
    const wanted = wantedConnections(entries.waiting + flying, this.options)
    let surplus = connecting - hanging + idle + busy - wanted
    for (const connection of connections) {
      const { state } = connection
      if (state.kind !== 'idle') continue
      if (surplus <= 0) return Infinity
      const over = state.since + (seats.isWanted ? 0 : this.options.idleTimeout)
      if (this.now < over) return over
      connections.quit(connection, state)
      surplus -= 1
    }
    return Infinity
  }

  /** Forgets failed openings when nobody waits for another. Returns when to look again. */
  private forget(): number {
    const { entries, connections, backoff } = this.pool
    if (!backoff.failing || entries.size > 0 || connections.size > 0) return Infinity
    if (this.now < backoff.forgottenAt) return backoff.forgottenAt
    backoff.reset()
    return Infinity
  }

  private nextDeadline(): number {
    let next = Infinity
    for (const { state } of this.pool.connections) {
      if (state.kind === 'idle' || state.kind === 'busy') continue
      next = Math.min(next, state.deadline)
    }
    return next
  }

  /**
   * A connection that got this many messages takes no more. A message that may not come back again
   * takes one that nobody used: there, what goes wrong is the message's own and not the last of
   * a row of connections that the intake has meanwhile given up.
   */
  private mostSent(entry?: PooledMessage): number {
    if (entry && this.pool.entries.isOnLastReturn(entry)) return 1
    return Math.max(1, Math.min(this.options.messagesPerConnection, this.pool.intake.messages))
  }
}
