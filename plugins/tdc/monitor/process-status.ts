import type { Counted } from './counters'
import type { Monitor } from './monitor'
import {
  type ConnectionStatus,
  type DiskRoom,
  type DomainStatus,
  type IntakeStatus,
  MOST_CONNECTIONS_SHOWN,
  type PoolStatus,
  type ProcessInfo,
  type Status,
  type Versions,
} from './status'

/** Whom a process asks for what it knows. */
interface StatusSources {
  /** Wall clock. */
  readonly now: number
  readonly process: ProcessInfo
  readonly versions: Versions
  readonly settings: {
    readonly value: {
      readonly main: { readonly serviceName: string }
      readonly effective: {
        readonly enabled: boolean
        readonly level: string
        readonly intake: { readonly address: string } | undefined
        readonly intakeLevel: string | undefined
      }
      readonly delivery: { readonly maxAge: number }
    }
    readonly problems: readonly string[]
  }
  readonly monitor: Monitor
  readonly scheduler: {
    readonly prepared: number
    readonly deferred: number
    readonly held: number
    readonly holds: readonly string[]
    readonly oldestAgeMs: number
    readonly oldestAges: ReadonlyMap<string, number>
    readonly ages: readonly number[]
  }
  readonly clockJump: Status['clockJump']
  readonly storeAway: Status['storeAway']
  readonly disk: DiskRoom | null
  readonly queueTrouble: string | null
  readonly kept: Status['kept']
  readonly pools: readonly (readonly [domain: string, status: PoolStatus])[]
  readonly connections: readonly Omit<ConnectionStatus, 'pid'>[]
}

/** What one process knows, as one value. */
export function processStatus(sources: StatusSources): Status {
  const { now, process, versions, settings, monitor, scheduler } = sources
  const { main, effective } = settings.value
  const { queue, intakes, recent, ...messages } = monitor.counters.value(now)
  const { prepared, deferred, held, holds, oldestAgeMs, ages } = scheduler
  return {
    service: main.serviceName,
    versions,
    takenAt: now,
    processes: [process],
    silent: [],
    enabled: effective.enabled,
    level: effective.level,
    intake: effective.intake?.address ?? null,
    intakeLevel: effective.intakeLevel ?? null,
    problems: settings.problems,
    // What machines share, one process of each knows (control/gathered.ts).
    sharing: null,
    clockJump: sources.clockJump,
    storeAway: sources.storeAway,
    queue: { ...queue, oldestAgeMs: Math.round(oldestAgeMs) },
    intakes: intakesOf(intakes, sources),
    domains: domainsOf(sources),
    messages,
    maxAgeMs: settings.value.delivery.maxAge,
    recent,
    disk: sources.disk,
    queueTrouble: sources.queueTrouble,
    kept: sources.kept,
    prepared,
    deferred,
    held,
    holds,
    ages,
    timeInQueue: monitor.timeInQueue.value(),
    minutes: monitor.minutes.value(now),
    connections: sources.connections
      .slice(0, MOST_CONNECTIONS_SHOWN)
      .map((connection) => ({ ...connection, pid: process.pid })),
    errors: monitor.errors.value(),
  }
}

function intakesOf(
  intakes: Readonly<Record<string, Counted>>,
  { scheduler }: StatusSources,
): Record<string, IntakeStatus> {
  return Object.fromEntries(
    Object.entries(intakes).map(([address, counted]) => [
      address,
      {
        ...counted,
        domain: address.slice(address.lastIndexOf('@') + 1),
        oldestAgeMs: Math.round(scheduler.oldestAges.get(address) ?? 0),
      },
    ]),
  )
}

function domainsOf({ pools, monitor }: StatusSources): Record<string, DomainStatus> {
  return Object.fromEntries(
    pools.map(([domain, pool]) => [domain, { ...pool, tls: monitor.tlsOf(domain).value() }]),
  )
}
