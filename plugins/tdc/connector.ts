import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { answersOf } from './answers'
import { systemClock } from './clock'
import { LastGood } from './cluster/last-good'
import { overlay, sharesSettings } from './cluster/overlay'
import { borrowSettings, lendSettings, spreadToWorkers, takeFromMaster } from './cluster/processes'
import { SharedCluster } from './cluster/shared-cluster'
import { NO_DOCUMENT, type SharedDocument } from './cluster/shared-document'
import { processesOf } from './control/cluster'
import { Control } from './control/control'
import { Gathered } from './control/gathered'
import type { Route } from './decide/decision'
import { DeliveryParts } from './delivery-parts'
import type { Internals } from './haraka/contract'
import { logTo } from './haraka/log'
import { type LoopKey, LoopKeys, keyWarning, loopKey } from './haraka/loop-key'
import { connectionsFor, deliveringProcesses, descriptorLimit } from './haraka/process-limits'
import { QueueDirectory } from './haraka/queue-directory'
import { redisConnections } from './haraka/redis-connection'
import {
  configFolder,
  serverDirectory,
  settingsSource,
  watchDomainFiles,
  watchFiles,
} from './haraka/settings-files'
import type { HarakaPlugin } from './haraka/types'
import { HealthWatch } from './monitor/health-watch'
import { Monitor } from './monitor/monitor'
import { processStatus } from './monitor/process-status'
import type { ProcessInfo, Status, Versions } from './monitor/status'
import { RECENT_SHARED, type TrackedMessage } from './monitor/tracked'
import { QueueParts } from './queue-parts'
import { systemDisk } from './queue/disk'
import { Journey } from './queue/journey'
import { CurrentSettings } from './settings/current'
import type { SettingsSource } from './settings/source'
import { StatusPage } from './web/page'

const { version } = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'),
) as { version: string }

/** Milliseconds for finishing what is on its way when Haraka shuts down (it waits for 30 s). */
const SHUTDOWN_TIME = 25_000

/** All parts of the connector in one process, put together once (docs/architecture.md). */
export class Connector {
  readonly monitor: Monitor
  readonly settings: CurrentSettings
  readonly queue: QueueParts
  readonly loopKeys: LoopKeys
  /** What all processes of this server know together. */
  readonly gathered: Gathered
  /** What the machines share; only in the only process, or in the master. */
  readonly sharedCluster: SharedCluster | undefined
  private shared: SharedDocument = NO_DOCUMENT
  private readonly control: Control
  private readonly healthWatch: HealthWatch
  private page: StatusPage | undefined
  private readonly delivery: DeliveryParts
  private readonly plugin: HarakaPlugin
  private readonly versions: Versions
  private readonly process: ProcessInfo = {
    pid: process.pid,
    worker: cluster.worker?.id ?? 0,
    startedAt: systemClock.wall(),
  }
  private readonly processes: number
  private readonly connectionsByDescriptors: number
  /** config/me, as of the last reading of the settings: asking for it is not cheap. */
  private me = hostname()

  /** `announces`: this process says in the log what the settings are, for all of them. */
  constructor(
    plugin: HarakaPlugin,
    readonly internals: Internals,
    private readonly announces: boolean,
  ) {
    this.plugin = plugin
    this.processes = deliveringProcesses(plugin)
    this.connectionsByDescriptors = connectionsFor(descriptorLimit())
    this.versions = { plugin: version, haraka: internals.version, node: process.version }
    this.monitor = new Monitor({
      log: logTo(plugin),
      serviceName: () => this.settings.value.serviceName,
      now: () => systemClock.wall(),
      tracked: () => this.settings.value.track,
    })
    const { report } = this.monitor
    const directory = new QueueDirectory(internals.outbound)
    const lastGood = new LastGood(directory.sharedSettingsPath, systemDisk)
    this.shared = this.lastShared(lastGood)
    const source = this.ownSource()
    this.settings = new CurrentSettings(source, report, (own) => this.layered(own))
    this.settings.read(source, this.announces)
    this.loopKeys = new LoopKeys(this.readLoopKey())

    this.delivery = new DeliveryParts({
      monitor: this.monitor,
      settings: () => this.settings.value,
      me: () => this.me,
      connections: () => this.mostConnections,
    })
    this.queue = new QueueParts({
      plugin,
      internals,
      directory,
      courierOf: (copy) => this.delivery.pools.of(copy.domain),
      settings: () => this.settings.value,
      report,
    })
    process.once('exit', () => this.cutShort())
    this.gathered = new Gathered(processesOf(systemClock, answersOf(this)))
    this.control = new Control(
      [serverDirectory(), directory.ownFolder],
      this.gathered,
      systemClock,
      report,
    )
    this.healthWatch = new HealthWatch(() => this.gathered.status(), systemClock, report)
    this.sharedCluster = cluster.isPrimary ? this.makeCluster(lastGood) : undefined
    watchDomainFiles(() => this.reload())
    watchFiles(['tdc.key'], () => this.renewLoopKey())
    if (this.sharedCluster) lendSettings(() => this.settings.files)
    else this.followMaster()
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
    this.control.open()
    this.healthWatch.start()
    this.sharedCluster?.start()
  }

  /** This gateway's name: in reports, and in EHLO. */
  get gateway(): string {
    return this.settings.value.journal.gateway ?? this.me
  }

  /** Connections of this process at a time: its part of the setting, or of its own descriptors. */
  get mostConnections(): number {
    const { maxConnectionsTotal } = this.settings.value.delivery
    if (maxConnectionsTotal === undefined) return this.connectionsByDescriptors
    return Math.max(1, Math.floor(maxConnectionsTotal / this.processes))
  }

  /** What several intakes and workers want at the least, and do not get; undefined: they do. */
  connectionWarning(): string | undefined {
    const { processes, mostConnections: most } = this
    const { intakes, delivery } = this.settings.value
    const domains = new Set(intakes.map(({ domain }) => domain)).size
    if (domains * delivery.minConnections <= most) return undefined
    return (
      `${domains} intake domains with min_connections=${delivery.minConnections} in ${processes} ` +
      `${processes > 1 ? 'processes want' : 'process want'} ${domains * delivery.minConnections * processes} connections, ` +
      `and ${most * processes} is what [delivery] max_connections_total or the descriptors allow: they take turns; ` +
      'raise the limit of open files (LimitNOFILE, ulimit -n)'
    )
  }

  /** For the copies of one message. */
  journey(routes: readonly Route[]): Journey {
    const { queue, monitor } = this
    return new Journey(routes, {
      scheduler: queue.scheduler,
      clock: systemClock,
      report: monitor.report,
      doubts: queue.doubts,
    })
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
      scheduler: this.queue.scheduler.stats,
      disk: this.queue.room.disk(),
      pools: this.delivery.pools.status(),
      connections: this.delivery.pools.connections(),
    })
  }

  /** What this process knows of the messages that `wanted` stands for (monitor/tracking.ts). */
  track(wanted: string): TrackedMessage[] {
    return this.monitor.tracking.find(wanted)
  }

  /** The last messages of this process, for the other machines. */
  recent(): TrackedMessage[] {
    return this.monitor.tracking.recent(RECENT_SHARED)
  }

  /**
   * Haraka drains: its connections end first, and their copies are still delivered. Idle connections
   * close by themselves; what is left at the end stays on disk.
   */
  shutdown(): void {
    this.page?.shutdown()
    this.control.close()
    this.healthWatch.stop()
    this.sharedCluster?.close()
    this.queue.commands.flush()
    systemClock.after(SHUTDOWN_TIME, () => this.delivery.pools.destroy())
  }

  /** The process ends, in order or by somebody's mistake; nothing is waited for any more. */
  private cutShort(): void {
    this.delivery.pools.destroy()
    this.queue.files.removeNow()
  }

  private followMaster(): void {
    takeFromMaster((document) => this.share(document))
    borrowSettings((files) => this.settings.takeOver(files, this.ownSource()))
  }

  /** A server's own files, and above them what machines share, where they do. */
  private layered(own: SettingsSource): SettingsSource {
    return sharesSettings(own) ? overlay(own, this.shared.entries) : own
  }

  /** All files that settings are made of; when one of them changes, they are read anew. */
  private ownSource(): SettingsSource {
    const source = settingsSource(this.plugin, () => this.reload())
    this.me = source.me || source.hostname
    return source
  }

  private share(document: SharedDocument): void {
    this.shared = document
    this.reload()
  }

  private reload(): void {
    this.settings.read(this.ownSource(), this.announces)
    this.queue.kept.holdBounds()
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

  private readLoopKey(): LoopKey {
    const path = join(configFolder(), 'tdc.key')
    const result = loopKey(path)
    const text = keyWarning(path, result, systemClock.wall())
    // A temporary key is one for each process.
    const isNews = this.announces || result.kind === 'temporary'
    if (text !== undefined && isNews) this.monitor.report({ kind: 'warning', text })
    return result
  }

  private renewLoopKey(): void {
    const isTaken = this.loopKeys.renew(this.readLoopKey(), systemClock.wall())
    if (!this.announces) return
    const text = `tdc.key was changed: ${isTaken ? 'it is in force' : 'the one before it stays in force'}`
    this.monitor.report({ kind: 'warning', text })
  }
}
