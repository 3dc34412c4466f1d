import type { SkipCounters } from './counters'
import type { FailureClass } from './events'
import type { MinuteFigures } from './minutes'

/**
 * The connector's state as one plain value that JSON carries whole: the source of every display. What
 * one process (worker) knows, or, by `mergeStatus`, what all of them know together. Everything in it
 * is bounded. Moments are milliseconds since 1970, durations milliseconds.
 */
export interface Status {
  /** `service_name`. */
  readonly service: string
  readonly versions: Versions
  /** When this value was made. */
  readonly takenAt: number
  /** The processes that it is about. */
  readonly processes: readonly ProcessInfo[]
  /** Workers that did not answer in time: what they know is missing here. */
  readonly silent: readonly SilentWorker[]

  readonly enabled: boolean
  /** The level that decided `enabled`. */
  readonly level: string
  /** The default intake address; null: none. */
  readonly intake: string | null
  readonly intakeLevel: string | null
  /** Sentences about the settings that were refused at the last reading; empty when they were taken. */
  readonly problems: readonly string[]

  /** All of the.tdc.queue. */
  readonly queue: QueueFigures
  /** By intake address; past a thousand of them, `others`. */
  readonly intakes: Readonly<Record<string, IntakeStatus>>
  /** By the domain of the intake addresses, which share connections. */
  readonly domains: Readonly<Record<string, DomainStatus>>
  /** Messages and recipients without a copy; copies taken back, and kept. */
  readonly messages: MessageCounters

  /** Milliseconds that a copy may stay in the queue (`delivery.max_age`). */
  readonly maxAge: number
  /** In the last five minutes. */
  readonly recent: RecentMessages
  /** What the queue disk had left when it was asked last; null: nobody knows. */
  readonly disk: DiskRoom | null

  /** Copies written ahead whose original is still on its way. */
  readonly prepared: number
  /** Copies put off until their retry. */
  readonly deferred: number
  /** Copies that are not sent until somebody releases them. */
  readonly held: number
  /** What is held, whether copies wait or not: domains of intakes, or `all`. */
  readonly holds: readonly string[]
  /** Copies in the queue, by age: as many as QUEUE_AGES has limits, and one more. */
  readonly ages: readonly number[]
  /** Time in the queue of the copies that were delivered. */
  readonly timeInQueue: HistogramValue
  /** The last hour, the oldest minute first. */
  readonly minutes: readonly MinuteFigures[]
  /** Open connections, and those being opened; at most MOST_CONNECTIONS_SHOWN. */
  readonly connections: readonly ConnectionStatus[]
  /** The last errors of all, the oldest first; at most ERRORS_KEPT of each process. */
  readonly errors: readonly ErrorNote[]
}

export interface RecentMessages {
  /** Copies that could not be written to the queue. */
  readonly missed: number
  /** Kept copies that were dropped. */
  readonly keptDropped: number
}

/** Octets and inodes, and what `min_free_space` and `min_free_inodes` leave to others; null: unknown. */
export interface DiskRoom {
  readonly bytes: number
  readonly minBytes: number
  readonly inodes: number | null
  readonly minInodes: number
}

export interface Versions {
  readonly plugin: string
  readonly haraka: string
  readonly node: string
}

export interface ProcessInfo {
  readonly pid: number
  /** The number of the worker; 0: the only process. */
  readonly worker: number
  readonly startedAt: number
}

export interface SilentWorker {
  readonly worker: number
  readonly pid: number
}

/**
 * The counters of the queue or of one intake address, named as the appliance's `tophosts` shows
 * them. All count recipients; a copy has one.
 */
export interface QueueFigures {
  /** In the queue: committed, not yet ended. */
  readonly active: number
  readonly delivered: number
  /** Attempts that will be retried. */
  readonly softBounced: number
  /** Copies given up, whatever the reason: `tlsErrors` and `expired` are part of it. */
  readonly hardBounced: number
  readonly tlsErrors: number
  readonly expired: number
  /** Attempts that failed and copies that expired, by what was in the way. */
  readonly failures: Readonly<Record<FailureClass, number>>
  /** Milliseconds that the oldest copy has been in the queue; 0 when it is empty. */
  readonly oldestAge: number
  readonly lastSuccess: number | null
  readonly lastFailure: LastFailure | null
  /** In the last five minutes. */
  readonly recent: RecentCopies
}

/** Copies delivered, and copies given up by what was in the way. */
export type RecentCopies = Readonly<Record<'delivered' | FailureClass, number>>

export interface LastFailure {
  readonly at: number
  readonly class: FailureClass
  readonly text: string
}

export interface IntakeStatus extends QueueFigures {
  /** Key of `domains`. */
  readonly domain: string
}

/** As of the last delivery attempt; nothing is known before the first. */
export type Reached = 'up' | 'down' | 'unknown'

/** What the pool of one intake domain is doing. */
export interface PoolStatus {
  /** Copies in the line. */
  readonly waiting: number
  /** Copies on their way. */
  readonly inFlight: number
  readonly connecting: number
  readonly idle: number
  readonly busy: number
  readonly closing: number
  readonly lastAttempt: Reached
  /** When that was; null: not yet. */
  readonly lastAttemptAt: number | null
  /** What the intake was seen to take, of each process; null: no limit is known. */
  readonly limits: LearnedLimits
}

export interface LearnedLimits {
  /** Connections at a time. */
  readonly connections: number | null
  /** Copies over one connection. */
  readonly messages: number | null
  /** Copies a second, after "too much mail". */
  readonly perSecond: number | null
}

export interface DomainStatus extends PoolStatus {
  readonly tls: TlsFigures
}

export interface TlsFigures {
  /**
   * TLS sessions by protocol, cipher and, where Node knows it, group of the key exchange, such as
   * `TLSv1.3 TLS_AES_256_GCM_SHA384 X25519`.
   */
  readonly sessions: Readonly<Record<string, number>>
  /** TLS sessions by what they had to satisfy, and did, such as `config, sts`. */
  readonly satisfied: Readonly<Record<string, number>>
  /** Failed connections and policies by the result types of RFC 8460, all of TLS_RESULTS. */
  readonly results: Readonly<Record<string, number>>
  /** When the certificate of the last connection ends; of several processes the earliest; null: not known. */
  readonly certificateEnd: number | null
}

export interface MessageCounters {
  /** Messages or recipient groups without a copy, by reason. */
  readonly skipped: SkipCounters
  /** Copies that could not be written to the queue. */
  readonly journalFailed: number
  /** Copies sent although the original's outcome was not known. */
  readonly inDoubt: number
  /** Copies taken back because the original was not accepted. */
  readonly withdrawn: number
  /** Messages with the header of a report of ours that are none, or not this one any more. */
  readonly tokensRefused: number
  /** Messages that were not accepted because of a bare CR. */
  readonly originalsRefused: number
  /** Copies refused for what they hold, and sent once more with their original as a file. */
  readonly fellBack: number
  /** Messages with bare CR or LF, whose copies have other line ends. */
  readonly normalized: number
  /** Copies that were given up and kept. */
  readonly kept: number
  /** Kept copies that were dropped. */
  readonly keptDropped: number
  /** Kept copies that are sent again. */
  readonly replayed: number
  /** Copies in the queue that somebody ended by hand. */
  readonly dropped: number
}

export interface HistogramValue {
  /** Not cumulative: as many as there are limits, and one more for what is above the last. */
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
}

export interface ConnectionStatus {
  /** 0 while it is not known yet: the connection is being opened. */
  readonly dcid: number
  readonly domain: string
  /** Address of the intake's host; empty while it is not known. */
  readonly remote: string
  readonly since: number
  /** Copies handed to it so far. */
  readonly messages: number
  readonly state: 'connecting' | 'idle' | 'busy' | 'closing'
  /** Of the process that has it. */
  readonly pid: number
}

export interface ErrorNote {
  readonly at: number
  /** The event's name, such as `connection-error`. */
  readonly kind: string
  /** The line of the log. */
  readonly text: string
}

/** Upper limits of `ages`, in milliseconds. */
export const QUEUE_AGES: readonly number[] = [1, 5, 15, 30, 60, 120].map((s) => s * 1000)

/** Upper limits of `timeInQueue`, in milliseconds. */
export const TIMES_IN_QUEUE: readonly number[] = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120].map(
  (s) => s * 1000,
)

export const MOST_CONNECTIONS_SHOWN = 200
export const ERRORS_KEPT = 20
