import { integer, listOf, number, orNull, record } from '../base/shape'
import type { FailureClass, SharedTrouble, SkipReason } from './events'
import {
  addedLater,
  every,
  everyText,
  type Field,
  group,
  largest,
  longestMs,
  lowest,
  named,
  newest,
  oneOfAll,
  oneOfThese,
  shared,
  sharedFlag,
  sharedMs,
  sharedNumber,
  sharedText,
  total,
  totalMs,
  totals,
  type ValueOf,
  words,
} from './field'
import { newestOf } from './last-errors'
import { COUNTED, type MessageCount } from './message-counts'
import { mergeMinutes, type MinuteFigures } from './over-time'

/*
 * The connector's state as one plain value that JSON carries whole: the source of every display. What
 * one process (worker) knows, or, by `mergeStatus`, what all of them know together. Each field says here
 * what it is, how those of several processes become one, and what another machine may tell of it.
 * Everything is bounded. Moments are milliseconds since 1970, durations milliseconds.
 */

/** Upper limits of `ages`, in milliseconds. */
export const QUEUE_AGES: readonly number[] = [1, 5, 15, 30, 60, 120].map((s) => s * 1000)

/** Upper limits of `timeInQueue`, in milliseconds. */
export const TIMES_IN_QUEUE: readonly number[] = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120].map(
  (s) => s * 1000,
)

export const MOST_CONNECTIONS_SHOWN = 200

function counts<N extends string>(...names: readonly N[]) {
  const fields = names.map((name) => [name, total])
  return group(Object.fromEntries(fields) as Readonly<Record<N, Field<number>>>)
}

const lastFailure = group({
  at: sharedNumber,
  class: shared<FailureClass>(words),
  text: sharedText,
})

/**
 * The counters of the queue or of one intake address, named as the appliance's `tophosts` shows
 * them. All count recipients; a copy has one.
 */
const FIGURES = {
  /** In the queue: committed, not yet ended. */
  active: total,
  delivered: total,
  /** Attempts that will be retried. */
  softBounced: total,
  /** Copies given up, whatever the reason: `tlsErrors` and `expired` are part of it. */
  hardBounced: total,
  tlsErrors: total,
  expired: total,
  /** Attempts that failed and copies that expired, by what was in the way. */
  failures: counts<FailureClass>('reply', 'tls', 'network', 'dns', 'expired'),
  /** Milliseconds that the oldest copy has been in the queue; 0 when it is empty. */
  oldestAgeMs: longestMs,
  lastSuccess: newest,
  lastFailure: oneOfAll(lastFailure, (a, b) => (b.at > a.at ? b : a)),
  /** In the last five minutes: copies delivered, and copies given up by what was in the way. */
  recent: counts<'delivered' | FailureClass>(
    ...(['delivered', 'reply', 'tls', 'network', 'dns', 'expired'] as const),
  ),
}
const figures = group(FIGURES)

const intake = group({
  ...FIGURES,
  /** Key of `domains`. */
  domain: sharedText,
})

/** What the intake was seen to take, of each process, which learns for itself; null: no limit is known. */
const limits = group({
  /** Connections at a time. */
  connections: lowest,
  /** Copies over one connection. */
  messages: lowest,
  /** Copies a second, after "too much mail". */
  perSecond: lowest,
})

/** What the pool of one intake domain is doing. */
const POOL = {
  /** Copies in the line. */
  waiting: total,
  /** Copies on their way. */
  inFlight: total,
  connecting: total,
  idle: total,
  busy: total,
  closing: total,
  /** As of the last delivery attempt; nothing is known before the first. */
  lastAttempt: oneOfThese('up', 'down', 'unknown'),
  /** When that was; null: not yet. */
  lastAttemptAt: shared<number | null>(orNull(number)),
  limits,
}

const tls = group({
  /**
   * TLS sessions by protocol, cipher and, where Node knows it, group of the key exchange, such as
   * `TLSv1.3 TLS_AES_256_GCM_SHA384 X25519`.
   */
  sessions: named(total),
  /** TLS sessions by what they had to satisfy, and did, such as `config, sts`. */
  satisfied: addedLater(named(total), {}),
  /** Failed connections and policies by the result types of RFC 8460, all of TLS_RESULTS. */
  results: named(total),
  /** When the certificate of the last connection ends; of several processes the earliest; null: not known. */
  certificateEnd: lowest,
})

const domain = group({ ...POOL, tls })

const countsOfMessages = group({
  /** Messages or recipient groups without a copy, by reason. */
  skipped: named(total) as Field<{ readonly [token in SkipReason['token']]: number }>,
  ...(Object.fromEntries(COUNTED.map(([name]) => [name, addedLater(total, 0)])) as Readonly<
    Record<MessageCount, Field<number>>
  >),
})

/** Octets and inodes, and what `min_free_space` and `min_free_inodes` leave to others; null: unknown. */
const diskRoom = group({
  bytes: sharedNumber,
  minBytes: sharedNumber,
  inodes: lowest,
  minInodes: sharedNumber,
})

/** What is in the way of the settings that machines share. */
const sharing = group({
  kind: oneOfThese<SharedTrouble>('away', 'nonsense', 'refused'),
  why: sharedText,
})

/** Why copies go to this machine's own disk in place of the queue that machines share. */
const storeAway = group({ why: sharedText })

const clockJump = group({
  /** Wall clock, behind the jump. */
  at: sharedNumber,
  /** Below 0: it was set back. */
  byMs: shared<number>(integer),
})

const histogram = group({
  /** Not cumulative: as many as there are limits, and one more for what is above the last. */
  counts: totals,
  sumMs: totalMs,
  count: total,
})

const textOrNone = oneOfAll(sharedText, (a) => a)
const textOrNull = shared<string | null>(orNull(words))

const connection = group({
  /** 0 while it is not known yet: the connection is being opened. */
  dcid: sharedNumber,
  domain: sharedText,
  /** Address of the intake's host; empty while it is not known. */
  remote: sharedText,
  since: sharedNumber,
  /** Copies handed to it so far. */
  messages: sharedNumber,
  state: oneOfThese('connecting', 'idle', 'busy', 'closing'),
  /** Of the process that has it. */
  pid: sharedNumber,
})

const errorNote = group({
  at: sharedNumber,
  /** The event's name, such as `connection-error`. */
  kind: sharedText,
  /** The line of the log. */
  text: sharedText,
  /** Of the intake that it is about; null: of none, or of several. */
  domain: addedLater(textOrNull, null),
})

const versions = group({ plugin: sharedText, haraka: sharedText, node: sharedText })
const process = group({
  pid: sharedNumber,
  /** The number of the worker; 0: the only process. */
  worker: sharedNumber,
  startedAt: sharedNumber,
})
const silentWorker = group({ worker: sharedNumber, pid: sharedNumber })
const minute = record<MinuteFigures>({
  at: number,
  delivered: number,
  failed: number,
  depth: number,
})

const status = group({
  /** `service_name`. */
  service: sharedText,
  versions,
  /** When this value was made. */
  takenAt: sharedNumber,
  /** The processes that it is about. */
  processes: every<ProcessInfo>(process.shape, (all) =>
    all.toSorted((a, b) => a.worker - b.worker),
  ),
  /** Workers that did not answer in time: what they know is missing here. */
  silent: every<SilentWorker>(silentWorker.shape),

  enabled: sharedFlag,
  /** The level that decided `enabled`. */
  level: sharedText,
  /** The default intake address; null: none. */
  intake: textOrNull,
  intakeLevel: textOrNull,
  /** Sentences about the settings that were refused at the last reading; empty when they were taken. */
  problems: everyText((all) => all),
  /** Null: this machine and Redis agree, or it shares nothing. */
  sharing: addedLater(
    oneOfAll(sharing, (a) => a),
    null,
  ),
  /** Null: Redis takes copies, or is not where they wait. */
  storeAway: addedLater(
    oneOfAll(storeAway, (a) => a),
    null,
  ),
  /** The machine's clock was set, or it slept, within the last hour; null: not. */
  clockJump: addedLater(
    oneOfAll(clockJump, (a, b) => (b.at > a.at ? b : a)),
    null,
  ),

  /** All of the.tdc.queue. */
  queue: figures,
  /** By intake address; past a thousand of them, `others`. */
  intakes: named(intake),
  /** By the domain of the intake addresses, which share connections. */
  domains: named(domain, latestAttempt),
  /** Messages and recipients without a copy; copies taken back, and kept. */
  messages: countsOfMessages,

  /** Milliseconds that a copy may stay in the queue (`delivery.max_age`). */
  maxAgeMs: sharedMs(),
  /** In the last five minutes: copies that were not written to the queue, or not kept; kept ones that were dropped. */
  recent: group({ missed: total, keptDropped: total, notKept: addedLater(total, 0) }),
  /**
   * What the queue disk had left when it was asked last; null: nobody knows. Of processes of one machine
   * they are the same; of several machines the one that is worst off.
   */
  disk: oneOfAll(diskRoom, (a, b) => (b.bytes - b.minBytes < a.bytes - a.minBytes ? b : a)),

  /** Why nothing can be written to the queue directory; null: it can, or nobody knows yet. */
  queueTrouble: addedLater(textOrNone, null),

  /** Copies that were given up and are kept for a replay; of several machines, on the one that has most. */
  kept: addedLater(group({ count: largest, bytes: largest }), { count: 0, bytes: 0 }),

  /** Copies written ahead whose original is still on its way. */
  prepared: total,
  /** Copies put off until their retry. */
  deferred: total,
  /** Copies that are not sent until somebody releases them. */
  held: total,
  /** What is held, whether copies wait or not: domains of intakes, or `all`. */
  holds: everyText((all) => all.toSorted()),
  /** Copies in the queue, by age: as many as QUEUE_AGES has limits, and one more. */
  ages: totals,
  /** Time in the queue of the copies that were delivered. */
  timeInQueue: histogram,
  /** The last hour, the oldest minute first. */
  minutes: { merge: mergeMinutes, shape: listOf(minute, 2_000) } as Field<readonly MinuteFigures[]>,
  /** Open connections, and those being opened; at most MOST_CONNECTIONS_SHOWN. */
  connections: every<ConnectionStatus>(connection.shape, (all) =>
    all.toSorted((a, b) => a.since - b.since).slice(0, MOST_CONNECTIONS_SHOWN),
  ),
  /** The last errors of all, the oldest first; at most ERRORS_KEPT of each process. */
  errors: every<ErrorNote>(errorNote.shape, (all) => newestOf(all.toSorted((a, b) => a.at - b.at))),
})

export type Status = ValueOf<typeof status>
export type QueueFigures = ValueOf<typeof figures>
export type RecentCopies = QueueFigures['recent']
export type LastFailure = ValueOf<typeof lastFailure>
export type IntakeStatus = ValueOf<typeof intake>
export type LearnedLimits = ValueOf<typeof limits>
export type PoolStatus = Omit<DomainStatus, 'tls'>
export type Reached = PoolStatus['lastAttempt']
export type TlsFigures = ValueOf<typeof tls>
export type DomainStatus = ValueOf<typeof domain>
export type MessageCounters = ValueOf<typeof countsOfMessages>
export type DiskRoom = ValueOf<typeof diskRoom>
export type ClockJump = ValueOf<typeof clockJump>
export type Sharing = ValueOf<typeof sharing>
export type HistogramValue = ValueOf<typeof histogram>
export type ConnectionStatus = ValueOf<typeof connection>
export type ErrorNote = ValueOf<typeof errorNote>
export type Versions = ValueOf<typeof versions>
export type ProcessInfo = ValueOf<typeof process>
export type SilentWorker = ValueOf<typeof silentWorker>

/** What several processes know together. */
export function mergeStatus(all: readonly [Status, ...Status[]]): Status {
  return status.merge(all, indexOfLargest(all.map(({ takenAt }) => takenAt)))
}

export function mergeQueue(all: readonly QueueFigures[]): QueueFigures {
  return figures.merge(all, 0)
}

/** A Status as it is read from Redis. */
export const statusShape = status.shape
export const figuresShape = figures.shape
export const intakeShape = intake.shape

function latestAttempt(all: readonly { readonly lastAttemptAt: number | null }[]): number {
  return indexOfLargest(all.map(({ lastAttemptAt }) => lastAttemptAt ?? 0))
}

function indexOfLargest(all: readonly number[]): number {
  return all.indexOf(Math.max(...all))
}
