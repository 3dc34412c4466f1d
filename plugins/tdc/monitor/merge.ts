import { newestOf } from './last-errors'
import { mergeMinutes } from './minutes'
import {
  type DiskRoom,
  type DomainStatus,
  type HistogramValue,
  type IntakeStatus,
  type LearnedLimits,
  type MessageCounters,
  MOST_CONNECTIONS_SHOWN,
  type QueueFigures,
  type Status,
  type TlsFigures,
} from './status'

type ByName<T> = Readonly<Record<string, T>>

/**
 * What several processes know together: numbers are summed, the latest of what is the last, and what
 * all share (the settings) as the process has it that looked last.
 */
export function mergeStatus(all: readonly [Status, ...Status[]]): Status {
  const latest = all.reduce((a, b) => (b.takenAt > a.takenAt ? b : a))
  return {
    ...latest,
    processes: all.flatMap(({ processes }) => processes).sort((a, b) => a.worker - b.worker),
    silent: all.flatMap(({ silent }) => silent),
    problems: [...new Set(all.flatMap(({ problems }) => problems))],
    queue: mergeQueue(all.map(({ queue }) => queue)),
    intakes: mergeNamed(
      all.map(({ intakes }) => intakes),
      mergeIntake,
    ),
    domains: mergeNamed(
      all.map(({ domains }) => domains),
      mergeDomain,
    ),
    messages: mergeMessages(all.map(({ messages }) => messages)),
    recent: sumNamed(all.map(({ recent }) => ({ ...recent }))),
    disk: all.map(({ disk }) => disk).reduce(scarcer),
    prepared: sum(all.map(({ prepared }) => prepared)),
    deferred: sum(all.map(({ deferred }) => deferred)),
    held: sum(all.map(({ held }) => held)),
    holds: [...new Set(all.flatMap(({ holds }) => holds))].sort(),
    ages: sumLists(all.map(({ ages }) => ages)),
    timeInQueue: mergeHistogram(all.map(({ timeInQueue }) => timeInQueue)),
    minutes: mergeMinutes(all.map(({ minutes }) => minutes)),
    connections: all
      .flatMap(({ connections }) => connections)
      .sort((a, b) => a.since - b.since)
      .slice(0, MOST_CONNECTIONS_SHOWN),
    errors: newestOf(all.flatMap(({ errors }) => errors).sort((a, b) => a.at - b.at)),
  }
}

export function mergeQueue(all: readonly QueueFigures[]): QueueFigures {
  const of = (
    key: 'active' | 'delivered' | 'softBounced' | 'hardBounced' | 'tlsErrors' | 'expired',
  ) => sum(all.map((each) => each[key]))
  return {
    active: of('active'),
    delivered: of('delivered'),
    softBounced: of('softBounced'),
    hardBounced: of('hardBounced'),
    tlsErrors: of('tlsErrors'),
    expired: of('expired'),
    failures: sumNamed(all.map(({ failures }) => failures)),
    oldestAge: Math.max(0, ...all.map(({ oldestAge }) => oldestAge)),
    lastSuccess: latestOf(all.map(({ lastSuccess }) => lastSuccess)),
    lastFailure: all
      .map(({ lastFailure }) => lastFailure)
      .reduce((a, b) => (!a || (b && b.at > a.at) ? b : a), null),
    recent: sumNamed(all.map(({ recent }) => recent)),
  }
}

function mergeIntake(all: readonly IntakeStatus[]): IntakeStatus {
  return { ...mergeQueue(all), domain: all[0]?.domain ?? '' }
}

function mergeDomain(all: readonly DomainStatus[]): DomainStatus {
  const of = (key: 'waiting' | 'inFlight' | 'connecting' | 'idle' | 'busy' | 'closing') =>
    sum(all.map((each) => each[key]))
  const last = all.reduce((a, b) => ((b.lastAttemptAt ?? 0) > (a.lastAttemptAt ?? 0) ? b : a))
  return {
    waiting: of('waiting'),
    inFlight: of('inFlight'),
    connecting: of('connecting'),
    idle: of('idle'),
    busy: of('busy'),
    closing: of('closing'),
    lastAttempt: last.lastAttempt,
    lastAttemptAt: last.lastAttemptAt,
    limits: mergeLimits(all.map(({ limits }) => limits)),
    tls: mergeTls(all.map(({ tls }) => tls)),
  }
}

/** Each process learns for itself: the lowest is shown. */
function mergeLimits(all: readonly LearnedLimits[]): LearnedLimits {
  const lowest = (key: keyof LearnedLimits): number | null => {
    const known = all.flatMap((limits) => limits[key] ?? [])
    return known.length > 0 ? Math.min(...known) : null
  }
  return {
    connections: lowest('connections'),
    messages: lowest('messages'),
    perSecond: lowest('perSecond'),
  }
}

function mergeTls(all: readonly TlsFigures[]): TlsFigures {
  const ends = all.flatMap(({ certificateEnd }) => certificateEnd ?? [])
  return {
    sessions: sumNamed(all.map(({ sessions }) => sessions)),
    // A machine of an older version has none.
    satisfied: sumNamed(all.map(({ satisfied }) => satisfied ?? {})),
    results: sumNamed(all.map(({ results }) => results)),
    certificateEnd: ends.length ? Math.min(...ends) : null,
  }
}

function mergeMessages(all: readonly MessageCounters[]): MessageCounters {
  return {
    skipped: sumNamed(all.map(({ skipped }) => skipped)),
    journalFailed: sum(all.map(({ journalFailed }) => journalFailed)),
    inDoubt: sum(all.map(({ inDoubt }) => inDoubt)),
    withdrawn: sum(all.map(({ withdrawn }) => withdrawn)),
    tokensRefused: sum(all.map(({ tokensRefused }) => tokensRefused)),
    originalsRefused: sum(all.map(({ originalsRefused }) => originalsRefused)),
    fellBack: sum(all.map(({ fellBack }) => fellBack)),
    normalized: sum(all.map(({ normalized }) => normalized)),
    kept: sum(all.map(({ kept }) => kept)),
    keptDropped: sum(all.map(({ keptDropped }) => keptDropped)),
    replayed: sum(all.map(({ replayed }) => replayed)),
    dropped: sum(all.map(({ dropped }) => dropped)),
  }
}

/** Of processes of one machine they are the same; of several machines the one that is worst off. */
function scarcer(a: DiskRoom | null, b: DiskRoom | null): DiskRoom | null {
  if (!a || !b) return a ?? b
  return b.bytes - b.minBytes < a.bytes - a.minBytes ? b : a
}

function mergeHistogram(all: readonly HistogramValue[]): HistogramValue {
  return {
    counts: sumLists(all.map(({ counts }) => counts)),
    sum: sum(all.map((each) => each.sum)),
    count: sum(all.map(({ count }) => count)),
  }
}

function mergeNamed<T>(all: readonly ByName<T>[], merge: (same: readonly T[]) => T): ByName<T> {
  const names = new Set(all.flatMap((each) => Object.keys(each)))
  return Object.fromEntries(
    [...names].map((name) => [name, merge(all.flatMap((each) => own(each, name)))]),
  )
}

/** A name from outside may be one that every object inherits. */
function own<T>(each: ByName<T>, name: string): T[] {
  return Object.hasOwn(each, name) ? [each[name] as T] : []
}

function sumNamed<T extends ByName<number>>(all: readonly T[]): T {
  return mergeNamed(all, sum) as T
}

function sumLists(all: readonly (readonly number[])[]): number[] {
  const length = Math.max(0, ...all.map((each) => each.length))
  return Array.from({ length }, (_, at) => sum(all.map((each) => each[at] ?? 0)))
}

function sum(all: readonly number[]): number {
  return all.reduce((total, each) => total + each, 0)
}

function latestOf(all: readonly (number | null)[]): number | null {
  return all.reduce((a, b) => (a === null || (b !== null && b > a) ? b : a), null)
}
