import type { PooledMessage } from './entries'
import type { Session } from '../smtp/session'

/**
 * One connection of a pool. Its state is replaced whole. Gone is not a state: then the connection
 * is no longer among the pool's, and whatever is still heard of it is ignored.
 *
 *     connecting --> idle <--> busy
 *         |            |        |
 *         v            v        v
 *       (gone) <------ closing <-
 */
export interface PoolConnection {
  /** Turn at which it was begun. */
  readonly began: number
  /** When that was, on the wall clock; for people. */
  readonly since: number
  /** The same moment, monotonic milliseconds. */
  readonly beganAt: number
  /** The intake has greeted: it waits in no queue for connections. */
  greeted: boolean
  /** Messages handed to it so far. */
  sent: number
  /** Messages of those that it has answered, yes or no. */
  answered: number
  /** How many addresses the intake has, the one of this connection among them. */
  addresses: number
  /** It gets no more messages, and is closed when those on their way have landed. */
  retired: boolean
  /** Milliseconds that it had been idle when the last message was handed to it. */
  rested: number
  state: ConnectionState
}

/** Moments are monotonic milliseconds. */
export type ConnectionState = Connecting | Idle | Busy | Closing

export interface Connecting {
  readonly kind: 'connecting'
  readonly attempt: AbortController
  /** When the pool stops waiting for it. */
  readonly deadline: number
}

export interface Idle {
  readonly kind: 'idle'
  readonly session: Session
  readonly since: number
  /** False: the session said that it takes no more. */
  readonly reusable: boolean
}

export interface Busy {
  readonly kind: 'busy'
  readonly session: Session
  /** Never empty, never more than the session's window. */
  readonly flying: ReadonlySet<PooledMessage>
  readonly reusable: boolean
}

export interface Closing {
  readonly kind: 'closing'
  readonly session: Session
  /** Messages whose `send` has not resolved yet. */
  readonly flying: ReadonlySet<PooledMessage>
  /** The session said that it is closed. */
  readonly gone: boolean
  /** It may finish what is on its way before it is told to close. */
  readonly draining: boolean
  /** When the pool stops waiting for it. */
  readonly deadline: number
}

/** Messages on their way over a connection that takes one more; Infinity for one that does not. */
export function loadOf(state: ConnectionState): number {
  if (state.kind === 'idle') return state.reusable ? 0 : Infinity
  if (state.kind !== 'busy' || !state.reusable) return Infinity
  return state.flying.size < state.session.window ? state.flying.size : Infinity
}
