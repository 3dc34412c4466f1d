import type { Clock } from '../clock'
import type { LearnedLimits, Reached } from '../monitor/status'
import type { PoolConnection } from './connection'
import { ConnectionLimit } from './connection-limit'
import { LearnedLimit } from './learned-limit'
import type { Failure } from '../smtp/outcome'
import { Pace } from './pace'
import type { Opened, SendResult, Session } from '../smtp/session'

/** A close this soon after a reply belongs to it; a later one is an idle timeout or a restart. */
const RIGHT_AFTER = 1000

/** Addresses that one attempt goes to when the first refuses (RFC 5321 section 5.1: at least two). */
const ADDRESSES_OF_AN_ATTEMPT = 2

/** Milliseconds for which an address that refused is taken to refuse still. */
const REFUSING_FOR = 20_000

/** Milliseconds for which an intake whose handshake succeeded is taken to know TLS. */
const STANDS_FOR = 3_600_000

/** What it costs a message that it was not taken: an attempt, one of its returns, or only time. */
export type Cost = 'attempt' | 'return' | 'wait'

interface Landing {
  readonly cost: Cost
  /** Connections that get no more: this one, or all to its address that have not taken anything. */
  readonly retires: 'none' | 'this' | 'fresh'
}

/** What a pool has learned of its intake: whether it is up, and how much it takes. */
export class IntakeRecord {
  readonly pace: Pace
  readonly connections: ConnectionLimit
  private reached: { at: number | null; was: Reached } = { at: null, was: 'unknown' }
  private stoodAt = -Infinity
  private readonly limit: LearnedLimit
  /** Addresses that refused what came first over a connection: the moment, and the turn. */
  private readonly refusing = new Map<string, { readonly at: number; readonly turn: number }>()

  /** `nextTurn` counts up; it tells what came before what. */
  constructor(
    private readonly clock: Clock,
    private readonly nextTurn: () => number,
  ) {
    this.limit = new LearnedLimit(clock)
    this.pace = new Pace(clock)
    this.connections = new ConnectionLimit(clock)
  }

  /** Whether the intake could be reached, as of the last attempt to connect or to deliver. */
  get lastAttempt(): Reached {
    return this.reached.was
  }

  /** When that was, on the wall clock; null: never. */
  get lastAttemptAt(): number | null {
    return this.reached.at
  }

  /** Messages that one connection carries; Infinity while nothing is known. */
  get messages(): number {
    return this.limit.messages
  }

  /** What is known of it, for people. */
  get limits(): LearnedLimits {
    const known = (limit: number) => (limit === Infinity ? null : limit)
    return {
      connections: known(this.connections.connections),
      messages: known(this.messages),
      perSecond: known(this.pace.perSecond),
    }
  }

  /** A connection to it stands, its handshake is verified. */
  opened(): void {
    this.note('up')
    this.stoodAt = this.clock.monotonic()
  }

  /**
   * Where handshakes succeed, one that is cut off is not an error of TLS, which would give up all that waits
   * (spec 5.4), but of the network: the intake is being started anew.
   */
  meaningOf(failure: Failure): Failure {
    if (failure.kind !== 'tls' || !failure.mayPass) return failure
    if (this.clock.monotonic() - this.stoodAt > STANDS_FOR) return failure
    return { kind: 'network', details: 'closed', reason: failure.text }
  }

  note(was: 'up' | 'down'): void {
    this.reached = { at: this.clock.wall(), was }
  }

  /** A connection that stands, but to an address that has refused since it was begun; others are there. */
  hasRefusedSince({ began }: PoolConnection, opened: Extract<Opened, { kind: 'open' }>): boolean {
    const refused = this.refusing.get(opened.session.remote)
    return refused !== undefined && opened.addresses > 1 && began < refused.turn
  }

  /** What became of a message, handed out at `handedAt`, on `connection`, which has this `session`. */
  landed(
    connection: PoolConnection,
    session: Session,
    { outcome, fault, reusable }: SendResult,
    handedAt: number,
  ): Landing {
    if (outcome.kind === 'aborted') {
      return { cost: fault === 'copy' ? 'attempt' : 'return', retires: 'none' }
    }
    if (outcome.kind === 'delivered' || fault === 'copy') connection.answered += 1
    const replied = outcome.kind === 'delivered' || outcome.failure.kind === 'reply'
    if (replied) this.note('up')
    else if (fault === 'copy') this.note('down')
    if (outcome.kind === 'delivered') {
      this.pace.taken()
      this.refusing.delete(session.remote)
      if (!reusable) this.endedAfter(connection, session, 0)
      return { cost: 'attempt', retires: 'none' }
    }
    if (fault === 'copy') {
      this.pace.answered()
      return { cost: 'attempt', retires: 'none' }
    }
    if (fault === 'connection') {
      if (replied) this.takesNoMore(connection)
      else this.endedAfter(connection, session, connection.rested)
      // Whether it is the connection or the intake that takes no more, a fresh one will tell.
      this.pace.askAgain()
      return { cost: this.pace.isSlowed ? 'wait' : 'return', retires: 'this' }
    }
    this.refuses(session.remote)
    if (this.hasAnother(connection)) return { cost: 'return', retires: 'fresh' }
    if (fault === 'intake') {
      this.pace.refused(handedAt)
      return { cost: 'wait', retires: 'this' }
    }
    this.pace.answered()
    return replied ? { cost: 'attempt', retires: 'none' } : { cost: 'return', retires: 'this' }
  }

  /** The connection ended, `later` milliseconds after the last reply. What we end ourselves is no limit. */
  endedAfter(connection: PoolConnection, session: Session, later: number): void {
    if (session.endedByIntake && later <= RIGHT_AFTER) this.takesNoMore(connection)
  }

  /** While the intake is slowing us down, where a connection ends says nothing of connections. */
  private takesNoMore({ answered, began }: PoolConnection): void {
    if (!this.pace.isSlowed) this.limit.endedAfter(answered, began, this.nextTurn())
  }

  private refuses(remote: string): void {
    this.refusing.set(remote, { at: this.clock.monotonic(), turn: this.nextTurn() })
  }

  /** Whether a message that this address refused has another to go to. */
  private hasAnother({ addresses }: PoolConnection): boolean {
    const since = this.clock.monotonic() - REFUSING_FOR
    for (const [remote, { at }] of this.refusing) if (at < since) this.refusing.delete(remote)
    return this.refusing.size < Math.min(ADDRESSES_OF_AN_ATTEMPT, addresses)
  }
}
