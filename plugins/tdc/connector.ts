import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { answersOf } from './answers'
import { systemClock } from './clock'
import { LastGood } from './cluster/last-good'
import { overlay, sharesSettings } from './cluster/overlay'
import { spreadToWorkers, takeFromMaster } from './cluster/processes'
import { SharedCluster } from './cluster/shared-cluster'
import { NO_DOCUMENT, type SharedDocument } from './cluster/shared-document'
import { processesOf } from './control/cluster'
import { Control } from './control/control'
import { Gathered } from './control/gathered'
import type { Route } from './decide/decision'
import { makeSessionMaker } from './delivery/connect'
import { dcidSource } from './delivery/dcid'
import { Pool } from './delivery/pool'
import { makeMxLookup } from './delivery/mx-lookup'
import { Pools } from './delivery/pools'
import { isPublic } from './delivery/public-address'
import type { SessionMaker } from './delivery/session'
import { makeStsFetch } from './delivery/sts-fetch'
import { StsPolicies } from './delivery/sts-policies'
import { makeTxtLookup } from './delivery/txt-lookup'
import type { Internals } from './haraka/contract'
import { announceDelivered } from './haraka/loaded-item'
import { logTo } from './haraka/log'
import { loopKey } from './haraka/loop-key'
import { QueueDirectory } from './haraka/queue-directory'
import { isRunning } from './haraka/running'
import { redisConnections } from './haraka/redis-connection'
import { configFolder, serverDirectory, settingsSource } from './haraka/settings-files'
import { isOutboundDisabled } from './haraka/surroundings'
import type { HarakaPlugin } from './haraka/types'
import { Monitor } from './monitor/monitor'
import { processStatus } from './monitor/process-status'
import type { ProcessInfo, Status, Versions } from './monitor/status'
import { RECENT_SHARED, type TrackedMessage } from './monitor/tracked'
import { Adoption } from './queue/adoption'
import { type Announce, QueueCopyFiles } from './queue/copy-files'
import { DirectorySync } from './queue/directory-sync'
import { systemDisk } from './queue/disk'
import { Holds } from './queue/holds'
import { Journey } from './queue/journey'
import { KeptCopies } from './queue/kept-copies'
import { LeftBehind } from './queue/left-behind'
import { Loader } from './queue/loader'
import { MemoryBudget } from './queue/memory-budget'
import { Preparer } from './queue/preparer'
import { QueueCommands } from './queue/queue-commands'
import { Replay } from './queue/replay'
import { Room } from './queue/room'
import { Scheduler } from './queue/scheduler'
import { Spool } from './queue/spool'
import { Sweep, systemSweptDisk } from './queue/sweep'
import { CurrentSettings } from './settings/current'
import type { Settings } from './settings/settings'
import type { SettingsSource } from './settings/source'
import { StatusPage } from './web/page'

const { version } = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'),
) as { version: string }

/** Octets of waiting copies that one process keeps in memory, so that they are not read again. */
const HELD_COPIES = 4 * 1024 * 1024

/** Milliseconds for finishing what is on its way when Haraka shuts down (it waits for 30 s). */
const SHUTDOWN_TIME = 25_000

/** All parts of the connector in one process, put together once (docs/architecture.md). */
export class Connector {
  readonly monitor: Monitor
  readonly settings: CurrentSettings
  readonly scheduler: Scheduler
  readonly commands: QueueCommands
  readonly preparer: Preparer
  readonly loader: Loader
  readonly sweep: Sweep
  readonly kept: KeptCopies
  readonly replay: Replay
  readonly adoption: Adoption
  readonly loopKey: Buffer
  /** What all processes of this server know together. */
  readonly gathered: Gathered
  /** What the machines share; only in the only process, or in the master. */
  readonly sharedCluster: SharedCluster | undefined
  private shared: SharedDocument = NO_DOCUMENT
  private readonly control: Control
  private page: StatusPage | undefined
  private readonly pools: Pools
  private readonly lookup = makeMxLookup(systemClock)
  private readonly stsPolicies: StsPolicies
  private readonly nextDcid = dcidSource(cluster.worker?.id ?? 0)
  private readonly plugin: HarakaPlugin
  private readonly versions: Versions
  private readonly process: ProcessInfo = {
    pid: process.pid,
    worker: cluster.worker?.id ?? 0,
    startedAt: systemClock.wall(),
  }
  /** config/me, as of the last reading of the settings: asking for it is not cheap. */
  private me = hostname()

  /** `announces`: this process says in the log what the settings are, for all of them. */
  constructor(
    plugin: HarakaPlugin,
    internals: Internals,
    private readonly announces: boolean,
  ) {
    this.plugin = plugin
    this.versions = { plugin: version, haraka: internals.version, node: process.version }
    this.monitor = new Monitor({
      log: logTo(plugin),
      serviceName: () => this.settings.value.serviceName,
      now: () => systemClock.wall(),
      tracked: () => this.settings.value.track,
    })
    const { report } = this.monitor
    // They outlive the settings: a reload must not make a policy forgotten.
    this.stsPolicies = new StsPolicies({
      txt: makeTxtLookup(),
      fetch: makeStsFetch(systemClock, (address) => this.mayConnect(address)),
      clock: systemClock,
      reportOf: (domain) => this.monitor.reportOf(domain),
    })
    const directory = new QueueDirectory(internals.outbound)
    const lastGood = new LastGood(directory.sharedSettingsPath, systemDisk)
    this.shared = this.lastShared(lastGood)
    const source = this.source()
    this.settings = new CurrentSettings(source, report)
    this.settings.read(source, this.announces)
    this.loopKey = this.readLoopKey()

    const memory = new MemoryBudget(HELD_COPIES)
    const [clock, disk] = [systemClock, systemDisk]
    const directorySync = new DirectorySync(disk, directory.path)
    const spool = new Spool(directory, disk, directorySync)
    this.pools = new Pools((domain, onEmpty) => this.makePool(domain, onEmpty))
    const room = new Room({
      path: directory.path,
      disk,
      clock,
      copies: () => this.scheduler.size,
      limits: () => this.settings.value.limits,
    })
    this.preparer = new Preparer({ directory, spool, memory, clock, room })
    const announce: Announce = (copy, response, taker) =>
      announceDelivered(internals, {
        ...copy.place,
        host: taker?.host ?? copy.domain,
        ip: taker?.address ?? '',
        port: taker?.port ?? 0,
        response,
      })
    const failed = () => this.settings.value.failed
    this.kept = new KeptCopies({ directory, disk, clock, report, settings: failed })
    const holds = new Holds({ directory, disk, report })
    this.scheduler = new Scheduler({
      courierOf: (copy) => this.pools.of(copy.domain),
      files: new QueueCopyFiles({
        directory,
        disk,
        clock,
        memory,
        report,
        announce,
        kept: this.kept,
      }),
      clock,
      report,
      options: () => this.settings.value.delivery,
      holds,
    })
    this.commands = new QueueCommands({ scheduler: this.scheduler, holds, report })
    this.sweep = new Sweep({
      directory,
      disk: systemSweptDisk,
      clock,
      report,
      retryDelay: () => this.settings.value.delivery.retryDelay,
    })
    this.loader = new Loader({
      directory,
      disk,
      clock,
      report,
      scheduler: this.scheduler,
      countsDowntime: () => this.settings.value.delivery.maxAgeCountsDowntime,
    })
    new LeftBehind({
      directory,
      disk,
      clock,
      scheduler: this.scheduler,
      load: (item) => this.loader.load(item),
      isOurs: (pid) => isOwnProcess(pid) && !isOutboundDisabled(plugin),
    }).start()
    this.replay = new Replay({
      kept: this.kept,
      directory,
      disk,
      clock,
      scheduler: this.scheduler,
      report,
      maxCopies: () => this.settings.value.limits.maxCopies,
    })
    this.adoption = new Adoption({
      directory,
      disk,
      clock,
      scheduler: this.scheduler,
      loader: this.loader,
      room,
      report,
      isRunning,
    })
    this.kept.holdBounds()
    this.gathered = new Gathered(processesOf(clock, answersOf(this)))
    this.control = new Control(serverDirectory(), this.gathered, clock, report)
    this.sharedCluster = cluster.isPrimary ? this.makeCluster(lastGood) : undefined
    if (!this.sharedCluster) takeFromMaster((document) => this.share(document))
  }

  /** The Delivery Status page, made in a process that serves HTTP. */
  statusPage(): StatusPage {
    const { gathered, monitor } = this
    this.page ??= new StatusPage({
      settings: () => this.settings.value.statusPage,
      gather: () => gathered.status(),
      find: (wanted) => gathered.track(wanted),
      machines: () => (this.settings.value.cluster.redis ? gathered.machines() : undefined),
      clock: systemClock,
      report: monitor.report,
    })
    return this.page
  }

  /** In the only process, or in the master: for the command line, and for other machines. */
  openControl(): void {
    process.once('exit', () => this.control.close())
    void this.control.open()
    this.sharedCluster?.start()
  }

  /** This gateway's name: in reports, and in EHLO. */
  get gateway(): string {
    return this.settings.value.journal.gateway ?? this.me
  }

  /** For the copies of one message. */
  journey(routes: readonly Route[]): Journey {
    const { scheduler, monitor } = this
    return new Journey(routes, { scheduler, clock: systemClock, report: monitor.report })
  }

  /** What this process knows. */
  status(): Status {
    const { settings, monitor } = this
    return processStatus({
      settings,
      monitor,
      now: systemClock.wall(),
      process: this.process,
      versions: this.versions,
      scheduler: this.scheduler.stats,
      pools: this.pools.status(),
      connections: this.pools.connections(),
    })
  }

  /** What this process knows of the messages that `wanted` stands for (monitor/tracking.ts). */
  track(wanted: string): TrackedMessage[] {
    return this.monitor.tracking.find(wanted, this.settings.value.serviceName)
  }

  /** The last messages of this process, for the other machines. */
  recent(): TrackedMessage[] {
    return this.monitor.tracking.recent(RECENT_SHARED, this.settings.value.serviceName)
  }

  /**
   * Haraka drains: its connections end first, and their copies are still delivered. Idle connections
   * close by themselves; what is left at the end stays on disk.
   */
  shutdown(): void {
    this.page?.shutdown()
    this.control.close()
    this.sharedCluster?.close()
    this.commands.flush()
    systemClock.after(SHUTDOWN_TIME, () => this.pools.destroy())
  }

  /** Everything that settings are made of; when a file of it changes, they are read anew. */
  private source(): SettingsSource {
    const source = this.ownSource()
    this.me = source.me || source.hostname
    return sharesSettings(source) ? overlay(source, this.shared.entries) : source
  }

  private ownSource(): SettingsSource {
    return settingsSource(this.plugin, () => this.reload())
  }

  private share(document: SharedDocument): void {
    this.shared = document
    this.reload()
  }

  private reload(): void {
    this.settings.read(this.source(), this.announces)
    this.kept.holdBounds()
  }

  private lastShared(lastGood: LastGood): SharedDocument {
    const kept = lastGood.read()
    if (kept.kind === 'document') return kept.document
    if (this.announces && sharesSettings(this.ownSource())) {
      const text = `the shared settings in ${lastGood.path} cannot be used: ${kept.why}`
      this.monitor.report({ kind: 'warning', text })
    }
    return NO_DOCUMENT
  }

  private makeCluster(lastGood: LastGood): SharedCluster {
    const spread = spreadToWorkers(() => this.shared)
    return new SharedCluster({
      connect: redisConnections(this.plugin),
      settings: () => this.settings.value.cluster,
      source: () => this.ownSource(),
      known: this.shared,
      inForce: (document) => {
        this.share(document)
        spread()
      },
      lastGood,
      gathered: this.gathered,
      clock: systemClock,
      report: this.monitor.report,
    })
  }

  private makePool(domain: string, onEmpty: () => void): Pool {
    let [made, open]: [Settings | undefined, SessionMaker | undefined] = [undefined, undefined]
    return new Pool({
      // New connections follow the settings; those that are open stay as they are.
      open: (signal) => {
        const { value } = this.settings
        if (value !== made || !open) [made, open] = [value, this.sessionMaker(domain, value)]
        return open(signal)
      },
      clock: systemClock,
      options: () => this.settings.value.delivery,
      random: Math.random,
      onEmpty,
      onMistake: (error) => this.monitor.report({ kind: 'problem', text: `mistake: ${error}` }),
    })
  }

  private sessionMaker(domain: string, { delivery }: Settings): SessionMaker {
    return makeSessionMaker({
      ...delivery,
      domain,
      helo: delivery.helo ?? this.me,
      clock: systemClock,
      report: this.monitor.reportOf(domain),
      lookup: this.lookup,
      stsPolicyOf: this.stsPolicies.of,
      mayConnect: (address) => this.mayConnect(address),
      random: Math.random,
      nextDcid: this.nextDcid,
    })
  }

  private mayConnect(address: string): boolean {
    return this.settings.value.delivery.allowPrivate || isPublic(address)
  }

  private readLoopKey(): Buffer {
    const path = join(configFolder(), 'tdc.key')
    const result = loopKey(path)
    if (result.kind === 'temporary') {
      const text =
        `${path} cannot be used (${result.why}): journal reports that come back are recognised ` +
        'by this process only'
      this.monitor.report({ kind: 'warning', text })
    }
    return result.key
  }
}

/** The only process has every file; of several workers each has its own, and the master none. */
function isOwnProcess(pid: number): boolean {
  if (cluster.isWorker) return pid === process.pid
  return Object.keys(cluster.workers ?? {}).length === 0
}
