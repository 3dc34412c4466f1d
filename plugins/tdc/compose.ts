import cluster from 'node:cluster'
import { VERSION } from './base/version'
import { type Clock, systemClock } from './clock'
import { borrowSettings, lendSettings, spreadToWorkers, takeFromMaster } from './cluster/lending'
import { SharedCluster } from './cluster/shared-cluster'
import type { SharedDocument } from './cluster/shared-document'
import { processesOf } from './control/processes'
import { answersOf } from './control/requests'
import { Control } from './control/control'
import { Gathered } from './control/gathered'
import type { Route } from './decide/decision'
import { makeSessionMaker } from './delivery/connect'
import { ConnectionBudget } from './delivery/connection-budget'
import { IntakeWays } from './delivery/intake-ways'
import { Pool } from './delivery/pool'
import { Pools } from './delivery/pools'
import { Repeats } from './delivery/repeats'
import type { SessionMaker } from './smtp/session'
import type { Internals } from './haraka/contract'
import { logTo } from './haraka/log'
import { LoopKeys, readLoopKey } from './haraka/loop-key'
import { connectionShare, connectionWarning } from './haraka/process-limits'
import { QueueDirectory } from './haraka/queue-directory'
import { redisConnections } from './haraka/redis-connection'
import { hasFilesOf, watchWorkers } from './haraka/process-files'
import { isRunning } from './base/running-process'
import { serverDirectory, watchDomainFiles, watchFiles } from './haraka/settings-files'
import { isOutboundDisabled } from './haraka/surroundings'
import type { HarakaPlugin } from './haraka/types'
import { ClockJumps } from './monitor/clock-jump'
import { HealthWatch } from './monitor/health-watch'
import { mistakeIn } from './monitor/mistake'
import { Monitor } from './monitor/monitor'
import { processStatus } from './monitor/process-status'
import { Adoption } from './queue/adoption'
import { AutoReplay, counting, Taken } from './queue/auto-replay'
import { announcer, QueueCopyFiles } from './queue/copy-files'
import { isFallenBackFor } from './queue/fallback'
import { KeptDay } from './queue/kept-day'
import { DirectorySync } from './queue/directory-sync'
import { systemDisk } from './queue/disk'
import { Doubts } from './queue/doubts'
import { Holds } from './queue/holds'
import { Journey } from './queue/journey'
import { KeptCopies } from './queue/kept-copies'
import { LeftBehind } from './queue/left-behind'
import { LostCopies } from './queue/lost-copies'
import { Loader } from './queue/loader'
import { Logs } from './queue/log/logs'
import { HELD_COPIES, MemoryBudget } from './queue/memory-budget'
import { Preparer } from './queue/preparer'
import { QueueCommands } from './queue/queue-commands'
import { Replay } from './queue/replay'
import { Room } from './queue/room'
import { Scheduler } from './queue/scheduler'
import { sharedQueue } from './queue/shared/shared-queue'
import { SharedLook } from './queue/shared/shared-view'
import { Sweep, systemSweptDisk } from './queue/sweep'
import type { Settings } from './settings/settings'
import { layersOf } from './settings-layers'
import { pageAsks } from './web/data'
import { StatusPage } from './web/page'

/** Milliseconds for finishing what is on its way when Haraka shuts down (it waits for 30 s). */
const SHUTDOWN_TIME = 25_000

/** All parts of the connector in one process, as the hooks know them. */
export type Connector = ReturnType<typeof compose>

/**
 * Puts the parts of one process together (docs/architecture.md), each after those that it needs: nothing
 * runs, listens or watches before `start`. `announces`: this process says in the log what the settings
 * are, for all of them.
 */
export function compose(plugin: HarakaPlugin, internals: Internals, announces: boolean) {
  const clock = systemClock
  const directory = new QueueDirectory(internals.outbound)
  const layers = layersOf(plugin, directory, () => reload())
  const { settings } = layers
  const value = () => settings.value
  const monitor = new Monitor({
    log: logTo(plugin),
    serviceName: () => value().main.serviceName,
    now: () => clock.wall(),
    tracked: () => value().monitor.track,
    listener: (event) => lost.note(event),
  })
  const { report } = monitor
  const lost = new LostCopies({
    folder: directory.lostFolder,
    makeFolder: (path) => systemDisk.makeFolder(path),
    ...{ clock, report },
    peopleOf: (mid) => monitor.tracking.envelopeOf(mid),
  })
  if (announces && layers.refused) report({ kind: 'warning', text: layers.refused })
  settings.read(layers.own(), report, announces)

  const loopKeys = new LoopKeys(readLoopKey(announces, clock.wall(), report))
  const connections = () => connectionShare(plugin, value().delivery.maxConnectionsTotal)
  const context = { plugin, internals, directory, value, monitor, me: layers.me, clock }
  const pools = poolsOf(context, connections)
  const queue = { ...queueOf(context, pools), lost }

  /** For the copies of one message. */
  const journey = (routes: readonly Route[]) =>
    new Journey(routes, { scheduler: queue.scheduler, clock, report, doubts: queue.doubts })

  const own = { pid: process.pid, worker: cluster.worker?.id ?? 0, startedAt: clock.wall() }
  const jumps = new ClockJumps(clock)
  const status = () =>
    processStatus({
      settings,
      monitor,
      now: clock.wall(),
      process: own,
      versions: { plugin: VERSION, haraka: internals.version, node: process.version },
      scheduler: queue.scheduler.stats,
      clockJump: jumps.look(),
      ...{ disk: queue.room.disk(), queueTrouble: queue.room.trouble },
      storeAway: queue.sharedStore.trouble,
      kept: queue.kept.figures,
      pools: pools.status(),
      connections: pools.connections(),
    })

  const share = (document: SharedDocument): void => {
    layers.share(document)
    reload()
  }
  const day = cluster.isPrimary ? new KeptDay(directory.dayPath, systemDisk) : undefined
  const spread = cluster.isPrimary ? spreadToWorkers(layers.shared) : undefined
  /** What the machines share; only in the only process, or in the master. */
  const sharedCluster =
    spread &&
    new SharedCluster({
      connect: redisConnections(plugin).connect,
      settings: () => value().cluster,
      source: layers.own,
      known: layers.shared(),
      inForce: (document) => {
        share(document)
        spread()
      },
      lastGood: layers.lastGood,
      ...{ clock, report },
    })
  const parts = {
    ...{ internals, clock, monitor, settings, loopKeys, queue, journey, status, day },
    shared: sharedCluster,
    /** This gateway's name: in reports, and in EHLO. */
    get gateway(): string {
      return value().journal.gateway ?? layers.me()
    },
  }
  /** What all processes of this server know together. */
  const gathered = new Gathered(processesOf(clock, answersOf(parts)))
  const gather = () => gathered.ask('status', {})
  const control = new Control([serverDirectory(), directory.ownFolder], gathered, clock, report)
  const seen = () => gather().then((status) => day?.noted(status) ?? status)
  const healthWatch = new HealthWatch(seen, clock, report)
  let page: StatusPage | undefined

  function reload(): void {
    settings.read(layers.own(), report, announces)
    queue.kept.holdBounds()
    queue.autoReplay.follow()
  }

  function renewLoopKey(): void {
    const isTaken = loopKeys.renew(readLoopKey(announces, clock.wall(), report), clock.wall())
    if (!announces) return
    const which = isTaken ? 'it is in force' : 'the one before it stays in force'
    report({ kind: 'warning', text: `tdc.key was changed: ${which}` })
  }

  /** The process ends, in order or by somebody's mistake; nothing is waited for any more. */
  function cutShort(): void {
    pools.destroy()
    queue.files.removeNow()
    lost.writeNow()
    queue.logs.end(queue.files.leavingStored)
  }

  return Object.assign(parts, {
    start(): void {
      process.once('exit', cutShort)
      queue.leftBehind.start()
      queue.follow()
      queue.kept.holdBounds()
      queue.autoReplay.follow()
      watchDomainFiles(reload)
      watchFiles(['tdc.key'], renewLoopKey)
      if (sharedCluster) return lendSettings(() => settings.files)
      takeFromMaster(share)
      borrowSettings((files) => settings.takeOver(files, layers.own(), report))
    },

    /** In the only process, or in the master: for the command line, and for other machines. */
    openControl(): void {
      process.once('exit', () => control.close())
      control.open()
      healthWatch.start()
      sharedCluster?.start({ gather, recent: () => gathered.ask('recent', {}) })
    },

    /** The Delivery Status page, made in a process that serves HTTP. */
    statusPage(): StatusPage {
      page ??= new StatusPage({
        settings: () => value().statusPage,
        ...pageAsks(gathered, () => value().cluster.redis),
        host: () => ({ name: layers.me(), machine: value().cluster.machine }),
        ...{ clock, report },
      })
      return page
    },

    /** What several intakes and workers want at the least, and do not get; undefined: they do. */
    connectionWarning: () => connectionWarning(plugin, value(), connections()),

    /**
     * Haraka drains: its connections end first, and their copies are still delivered. Idle connections
     * close by themselves; what is left at the end stays on disk.
     */
    shutdown(): void {
      page?.shutdown()
      control.close()
      healthWatch.stop()
      sharedCluster?.close()
      queue.autoReplay.stop()
      queue.sharedStore.leave()
      queue.logs.close(() => queue.files.lingering.fileAll())
      queue.commands.flush().catch(mistakeIn('the queue', report))
      clock.after(SHUTDOWN_TIME, () => pools.destroy())
    },
  })
}

/** What pools and queue are made with. */
interface Context {
  readonly plugin: HarakaPlugin
  readonly internals: Internals
  readonly directory: QueueDirectory
  readonly value: () => Settings
  readonly monitor: Monitor
  readonly me: () => string
  readonly clock: Clock
}

/** What delivers the copies: a pool for each intake domain, and one budget for all. */
function poolsOf({ monitor, value, me, clock }: Context, connections: () => number): Pools {
  const { report } = monitor
  const exhausted = new Repeats<void>(clock, (_last, count) =>
    report({ kind: 'out-of-descriptors', count, most: connections() }),
  )
  const budget = new ConnectionBudget(clock, connections, () => exhausted.note(undefined))
  const ways = new IntakeWays({
    clock,
    reportOf: (domain) => monitor.reportOf(domain),
    allowsPrivate: () => value().delivery.allowPrivate,
    me,
    worker: cluster.worker?.id ?? 0,
  })
  return new Pools((domain, onEmpty) => {
    // New connections follow the settings; those that are open stay as they are.
    let [made, open]: [Settings?, SessionMaker?] = []
    return new Pool({
      open: (...heard) => {
        const now = value()
        if (now !== made) open = undefined
        made = now
        return (open ??= makeSessionMaker(ways.to(domain, now.delivery)))(...heard)
      },
      ...{ clock, onEmpty, random: Math.random },
      seats: (wake) => budget.join(wake),
      options: () => value().delivery,
      onMistake: mistakeIn('the delivery', report),
    })
  })
}

/** What keeps the copies. */
function queueOf({ plugin, internals, directory, value, monitor, clock }: Context, pools: Pools) {
  const { report } = monitor
  const [disk, memory] = [systemDisk, new MemoryBudget(HELD_COPIES)]
  const holds = new Holds({ directory, disk, report })
  const redis = redisConnections(plugin)
  const failed = () => value().failed
  const kept = new KeptCopies({ directory, disk, clock, report, settings: failed })
  const taken = new Taken()
  const announce = counting(taken, announcer(internals))
  const logs: Logs = new Logs({
    ...{ directory, disk, clock, memory, report, pid: process.pid },
    directorySync: new DirectorySync(disk, directory.path),
    isWanted: () => value().queue.writeAhead === 'log',
    shared: (octets) => (sharedStore.takes(octets) ? sharedStore : undefined),
    has: (mid): boolean => scheduler.has(mid),
  })
  const { spool, takeover, write } = logs
  const common = { directory, disk, clock, memory, report }
  const sharedStore: ReturnType<typeof sharedQueue> = sharedQueue({
    ...{ ...common, settings: value, redis },
    parts: () => ({ scheduler, files, loader }),
  })
  const files = new QueueCopyFiles({ ...common, announce, kept, write })
  const options = () => {
    const { maxAge, retryDelay } = value().delivery
    return { maxAge, retryDelay, fallsBack: (intake: string) => isFallenBackFor(intake, value()) }
  }
  const scheduler: Scheduler = new Scheduler({
    ...{ files, clock, report, options, holds },
    courierOf: ({ domain }) => pools.of(domain),
  })
  const room = new Room({
    ...{ path: directory.path, disk, clock },
    copies: () => scheduler.size,
    limits: () => value().queue,
    patience: () => value().queue.prepareTimeout,
  })
  const shared = { directory, disk, clock, scheduler, report }
  const countsDowntime = () => value().delivery.maxAgeCountsDowntime
  const loader = new Loader({ ...shared, countsDowntime })
  const replay = new Replay({ ...shared, kept, maxCopies: () => value().queue.maxCopies })
  const delivers = () => hasFilesOf(process.pid)
  return {
    ...{ scheduler, kept, files, room, loader, logs, sharedStore },
    follow: () => {
      logs.follow(loader, delivers, watchWorkers)
      sharedStore.start(delivers)
    },
    sharedLook: new SharedLook({ settings: value, connect: redis.connect, clock }),
    doubts: new Doubts(clock),
    preparer: new Preparer({ ...common, spool, room, lingering: files.lingering }),
    commands: new QueueCommands({ scheduler, holds, report }),
    sweep: new Sweep({
      ...{ directory, clock, report, disk: systemSweptDisk },
      retryDelay: () => value().delivery.retryDelay,
    }),
    replay,
    autoReplay: new AutoReplay({ ...shared, taken, kept, replay, settings: value, delivers }),
    adoption: new Adoption({ ...shared, loader, takeover, room, isRunning }),
    leftBehind: new LeftBehind({
      ...shared,
      load: (item) => loader.load(item),
      isOurs: (pid) => hasFilesOf(pid) && !isOutboundDisabled(plugin),
    }),
  }
}
