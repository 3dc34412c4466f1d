import type { CountersValue } from './counters'

/** What the pool of one intake domain is doing. */
export interface PoolStatus {
  readonly waiting: number
  readonly connecting: number
  readonly idle: number
  readonly busy: number
  /** As of the last delivery attempt (spec 7). */
  readonly lastAttempt: 'up' | 'down' | 'unknown'
}

/**
 * The connector's state as one plain value, the source of every display: what one process (worker)
 * knows. Sums over workers are made by whoever shows it.
 */
export interface Status {
  readonly enabled: boolean
  /** The level that decided `enabled`. */
  readonly level: string
  readonly intake: string | undefined
  /** Sentences about the settings that were refused at the last reading; empty when they were taken. */
  readonly problems: readonly string[]
  readonly counters: CountersValue
  /** By intake domain. */
  readonly pools: ReadonlyMap<string, PoolStatus>
  /** Copies written ahead whose original is still on its way. */
  readonly prepared: number
  /** Copies put off until their retry. */
  readonly deferred: number
  /** Milliseconds that the oldest copy has been in the queue; 0 when it is empty. */
  readonly oldestAge: number
}
