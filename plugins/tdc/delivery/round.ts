import type { Backoff } from './backoff'
import type { Connection } from './connection'
import type { Connections } from './connections'
import type { Entries, Entry } from './entries'
import { wantedConnections } from './growth'
import type { IntakeRecord } from './intake-record'
import type { Failure } from './outcome'
import { OPEN_TIMEOUT, type PoolOptions } from './pool-options'

const OPENING_TIMED_OUT: Failure = {
  kind: 'network',
  details: 'timeout',
  reason: 'connection timed out',
}

/** What a pool consists of, and what only the pool can do with it. */
export interface PoolParts {
  readonly entries: Entries
  readonly connections: Connections
  readonly backoff: Backoff
  readonly intake: IntakeRecord
  /** Begins an opening that is given up at `deadline`. */
  begin(deadline: number): void
  send(connection: Connection, entry: Entry): void
  openingFailed(connection: Connection, dcid: number, failure: Failure): void
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
    this.dismiss(this.mostSent())
    const handsOutAgain = this.handOut()
    const { first } = this.pool.entries
    if (first) this.dismiss(this.mostSent(first))
    const { grow, shrink } = { grow: this.grow(), shrink: this.shrink() }
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

  /**
   * Opens what is wanted and missing. Until one connection stands, no more than the floor, and
   * after a failed opening one at a time: an intake that is down must not see a storm. Returns when
   * to look again.
   */
  private grow(): number {
    const { entries, connections, backoff } = this.pool
    const { connecting, idle, busy, closing, flying } = connections.census()
    const { minConnections, maxConnections, openTimeout = OPEN_TIMEOUT } = this.options
    const wanted = wantedConnections(entries.waiting + flying, this.options)
    const allowed = idle + busy > 0 ? wanted : Math.min(wanted, Math.max(1, minConnections))
    const room = Math.max(minConnections, maxConnections) - closing
    const missing = Math.min(allowed, room) - connecting - idle - busy
    if (missing <= 0) return Infinity
    const deadline = this.now + openTimeout
    if (!backoff.failing) {
      for (let begun = 0; begun < missing; begun++) this.pool.begin(deadline)
    } else if (connecting === 0) {
      if (this.now < backoff.opensAt) return backoff.opensAt
      this.pool.begin(deadline)
    }
    return Infinity
  }

  /**
   * Closes idle connections that are more than wanted, the least recently used first, when their
   * time is over. Returns when to look again.
   */
  private shrink(): number {
    const { entries, connections } = this.pool
    const { connecting, idle, busy, flying } = connections.census()
    const wanted = wantedConnections(entries.waiting + flying, this.options)
    let surplus = connecting + idle + busy - wanted
    for (const connection of connections) {
      const { state } = connection
      if (state.kind !== 'idle') continue
      if (surplus <= 0) return Infinity
      const over = state.since + this.options.idleTimeout
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
  private mostSent(entry?: Entry): number {
    if (entry && this.pool.entries.isOnLastReturn(entry)) return 1
    return Math.max(1, Math.min(this.options.messagesPerConnection, this.pool.intake.messages))
  }
}
