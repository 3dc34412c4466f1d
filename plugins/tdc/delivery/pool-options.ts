import type { Clock } from '../clock'
import type { Seats } from './connection-budget'
import type { GrowthOptions } from './growth'
import type { SessionMaker } from '../smtp/session'

/** Times are milliseconds. */
export interface PoolOptions extends GrowthOptions {
  /** Messages over one connection before it is closed. */
  readonly messagesPerConnection: number
  /** How long a connection that is not needed is kept; 0: not at all. */
  readonly idleTimeout: number
  /** How long one opening may take, all hosts and addresses together. Default OPEN_TIMEOUT. */
  readonly openTimeout?: number
}

/** Above the 50 s that all addresses share (connect.ts), and half of a copy's life. */
export const OPEN_TIMEOUT = 60_000

export interface PoolDeps {
  readonly open: SessionMaker
  readonly clock: Clock
  /** Read at each pulse, so that a reload takes effect. */
  readonly options: () => PoolOptions
  /** Its part in the connections of all pools; `wake` has it look again. Default: no limit. */
  readonly seats?: (wake: () => void) => Seats
  /** 0 to 1, as Math.random. */
  readonly random: () => number
  /**
   * No messages, no connections, and no failed opening that still matters: the owner may drop the
   * pool. All that is lost with it is the learned limit and `lastAttempt`.
   */
  readonly onEmpty?: () => void
  /** What a `settle`, an `onEmpty`, a session or a pulse threw; without it such mistakes pass unseen. */
  readonly onMistake?: (error: unknown) => void
}
