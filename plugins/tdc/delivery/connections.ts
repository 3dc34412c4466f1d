import type { Clock } from '../clock'
import { type Busy, type Closing, type PoolConnection, type Idle, loadOf } from './connection'
import type { PooledMessage } from './entries'
import type { Seats } from './connection-budget'
import type { Session } from '../smtp/session'
import type { ConnectionStatus } from '../monitor/status'

type ConnectionFacts = Omit<ConnectionStatus, 'domain' | 'pid'>

/** How many connections are in each state, and how many messages are on their way over them. */
export interface ConnectionCensus {
  readonly connecting: number
  /** Those among them that have hung for so long that they hold nobody's place. */
  readonly hanging: number
  /** Those among the others that the intake has greeted. */
  readonly greeted: number
  readonly idle: number
  readonly busy: number
  readonly closing: number
  readonly flying: number
}

const UNKNOWN_PEER = { dcid: 0, remote: '' }

/** Milliseconds after which an opening holds no other's place. */
export const HANGS_AFTER = 5_000

/** A connection that was told to close is no longer waited for after this; its slot is needed. */
const CLOSING_TIMEOUT = 10_000

/** The connections of a pool and the steps that one can take. None of them decides anything. */
export class Connections {
  /** In the order in which they began or last became idle. */
  private readonly all = new Set<PoolConnection>()

  /** `quietly` runs what a session may throw in. */
  constructor(
    private readonly clock: Clock,
    private readonly seats: Seats,
    private readonly quietly: (work: () => void) => void,
  ) {}

  get size(): number {
    return this.all.size
  }

  [Symbol.iterator](): Iterator<PoolConnection> {
    return this.all.values()
  }

  has(connection: PoolConnection): boolean {
    return this.all.has(connection)
  }

  /** The connection that a message is on its way over. */
  carrierOf(entry: PooledMessage): PoolConnection | undefined {
    for (const connection of this.all) {
      const { state } = connection
      if ((state.kind === 'busy' || state.kind === 'closing') && state.flying.has(entry)) {
        return connection
      }
    }
    return undefined
  }

  census(): ConnectionCensus {
    let [connecting, hanging, greeted, idle, busy, closing, flying] = [0, 0, 0, 0, 0, 0, 0]
    const hungSince = this.clock.monotonic() - HANGS_AFTER
    for (const { state, beganAt, greeted: isGreeted } of this.all) {
      switch (state.kind) {
        case 'connecting':
          connecting += 1
          if (beganAt <= hungSince) hanging += 1
          else if (isGreeted) greeted += 1
          break
        case 'idle':
          idle += 1
          break
        case 'busy':
          busy += 1
          flying += state.flying.size
          break
        case 'closing':
          closing += 1
      }
    }
    return { connecting, hanging, greeted, idle, busy, closing, flying }
  }

  /** Each of them, for people. */
  list(): ConnectionFacts[] {
    return [...this.all].map(({ since, sent: messages, state }) => {
      const { dcid, remote } = state.kind === 'connecting' ? UNKNOWN_PEER : state.session
      return { dcid, remote, since, messages, state: state.kind }
    })
  }

  /**
   * The connection to hand a message to, among those that got fewer than `mostSent`: the idle one
   * that was used last, so that those which are not needed reach their timeout; with none idle, the
   * emptiest with room in its window.
   */
  choose(mostSent: number): PoolConnection | undefined {
    let best: PoolConnection | undefined
    let leastLoad = Infinity
    for (const connection of this.all) {
      const takesMore = connection.sent < mostSent && !connection.retired
      const load = takesMore ? loadOf(connection.state) : Infinity
      if (load === Infinity || load > leastLoad) continue
      best = connection
      leastLoad = load
    }
    return best
  }

  /** Its seat is taken already. */
  begin(began: number, deadline: number): { connection: PoolConnection; signal: AbortSignal } {
    const attempt = new AbortController()
    const state = { kind: 'connecting', attempt, deadline } as const
    const [since, beganAt] = [this.clock.wall(), this.clock.monotonic()]
    const counts = { greeted: false, sent: 0, answered: 0, addresses: 1, rested: 0, retired: false }
    const connection: PoolConnection = { began, since, beganAt, ...counts, state }
    this.all.add(connection)
    return { connection, signal: attempt.signal }
  }

  rest(connection: PoolConnection, session: Session, reusable: boolean): void {
    connection.state = { kind: 'idle', session, since: this.clock.monotonic(), reusable }
    this.all.delete(connection)
    this.all.add(connection)
  }

  takeOff(connection: PoolConnection, state: Idle | Busy, entry: PooledMessage): void {
    const { session, reusable } = state
    const flying = new Set(state.kind === 'busy' ? state.flying : [])
    connection.sent += 1
    connection.rested = state.kind === 'idle' ? this.clock.monotonic() - state.since : 0
    connection.state = { kind: 'busy', session, flying: flying.add(entry), reusable }
  }

  land(
    connection: PoolConnection,
    state: Busy | Closing,
    entry: PooledMessage,
    reusable: boolean,
  ): void {
    const flying = new Set(state.flying)
    flying.delete(entry)
    const stays = state.kind === 'busy' && state.reusable && reusable
    if (state.kind === 'closing') this.landLate(connection, { ...state, flying })
    else if (flying.size > 0) connection.state = { ...state, flying, reusable: stays }
    else this.rest(connection, state.session, stays)
  }

  /** It, or every one to its host that has not taken anything either, gets no more messages. */
  retire(connection: PoolConnection, remote: string, which: 'none' | 'this' | 'fresh'): void {
    if (which !== 'none') connection.retired = true
    if (which !== 'fresh') return
    for (const other of this.all) {
      const { state } = other
      const isThere = state.kind === 'idle' || state.kind === 'busy'
      if (isThere && other.answered === 0 && state.session.remote === remote) other.retired = true
    }
  }

  /** The session said that it is closed; what is on its way over it still has to land. */
  fall(connection: PoolConnection, state: Idle | Busy | Closing): void {
    this.close(connection, { ...this.closing(state), gone: true })
  }

  /** Takes no more messages, and closes when those on their way have landed. */
  drain(connection: PoolConnection, state: Busy): void {
    connection.state = { ...this.closing(state), draining: true }
  }

  quit(connection: PoolConnection, state: Idle | Closing): void {
    connection.state = this.closing(state)
    this.quietly(() => state.session.quit())
  }

  /** Closes at once, or gives up opening. */
  cut(connection: PoolConnection): void {
    const { state } = connection
    if (state.kind === 'connecting') {
      this.remove(connection)
      state.attempt.abort()
    } else {
      connection.state = this.closing(state)
      this.quietly(() => state.session.destroy())
    }
  }

  remove(connection: PoolConnection): void {
    if (this.all.delete(connection)) this.seats.give()
  }

  private closing(state: Idle | Busy | Closing): Closing {
    if (state.kind === 'closing' && !state.draining) return state
    const flying = state.kind === 'idle' ? new Set<PooledMessage>() : state.flying
    const deadline = this.clock.monotonic() + CLOSING_TIMEOUT
    const { session } = state
    return { kind: 'closing', session, flying, gone: false, draining: false, deadline }
  }

  private landLate(connection: PoolConnection, state: Closing): void {
    if (state.draining && state.flying.size === 0) this.quit(connection, state)
    else this.close(connection, state)
  }

  private close(connection: PoolConnection, state: Closing): void {
    connection.state = state
    if (state.gone && state.flying.size === 0) this.remove(connection)
  }
}
