import cluster from 'node:cluster'
import { systemClock } from './clock'
import type { Internals } from './haraka/contract'
import { announceDelivered } from './haraka/loaded-item'
import type { QueueDirectory } from './haraka/queue-directory'
import { isRunning } from './haraka/running'
import { isOutboundDisabled } from './haraka/surroundings'
import type { HarakaPlugin } from './haraka/types'
import type { Report } from './monitor/events'
import { Adoption } from './queue/adoption'
import type { Copy } from './queue/copy'
import { type Announce, QueueCopyFiles } from './queue/copy-files'
import type { Courier } from './queue/courier'
import { DirectorySync } from './queue/directory-sync'
import { systemDisk } from './queue/disk'
import { Doubts } from './queue/doubts'
import { Holds } from './queue/holds'
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
import type { Settings } from './settings/settings'

/** Octets of waiting copies that one process keeps in memory, so that they are not read again. */
const HELD_COPIES = 4 * 1024 * 1024

export interface QueueDeps {
  readonly plugin: HarakaPlugin
  readonly internals: Internals
  readonly directory: QueueDirectory
  readonly courierOf: (copy: Copy) => Courier
  readonly settings: () => Settings
  readonly report: Report
}

/** What keeps the copies of one process, put together once. */
export class QueueParts {
  readonly scheduler: Scheduler
  readonly commands: QueueCommands
  readonly preparer: Preparer
  readonly loader: Loader
  readonly sweep: Sweep
  readonly kept: KeptCopies
  readonly files: QueueCopyFiles
  readonly replay: Replay
  readonly adoption: Adoption
  readonly room: Room
  readonly doubts = new Doubts(systemClock)

  constructor({ plugin, internals, directory, courierOf, settings, report }: QueueDeps) {
    const [clock, disk] = [systemClock, systemDisk]
    const memory = new MemoryBudget(HELD_COPIES)
    const holds = new Holds({ directory, disk, report })
    const room = (this.room = new Room({
      path: directory.path,
      disk,
      clock,
      copies: () => this.scheduler.size,
      limits: () => settings().limits,
      patience: () => settings().prepareTimeout,
    }))
    const spool = new Spool(directory, disk, new DirectorySync(disk, directory.path))
    this.preparer = new Preparer({ directory, spool, memory, clock, room, report })
    const kept = new KeptCopies({
      directory,
      disk,
      clock,
      report,
      settings: () => settings().failed,
    })
    const announce = announcer(internals)
    const files = new QueueCopyFiles({ directory, disk, clock, memory, report, announce, kept })
    const options = () => {
      const { delivery, journal, intakes } = settings()
      const isReport = (intake: string) =>
        intakes.some(({ address, format }) => address === intake && format === 'journal')
      return { ...delivery, fallsBack: (intake: string) => journal.fallback && isReport(intake) }
    }
    const scheduler = new Scheduler({ courierOf, files, clock, report, options, holds })
    this.kept = kept
    this.files = files
    this.scheduler = scheduler
    this.commands = new QueueCommands({ scheduler, holds, report })
    this.sweep = new Sweep({
      directory,
      disk: systemSweptDisk,
      clock,
      report,
      retryDelay: () => settings().delivery.retryDelay,
    })
    const countsDowntime = () => settings().delivery.maxAgeCountsDowntime
    const loader = new Loader({ directory, disk, clock, report, scheduler, countsDowntime })
    this.loader = loader
    const maxCopies = () => settings().limits.maxCopies
    this.replay = new Replay({ kept, directory, disk, clock, scheduler, report, maxCopies })
    const shared = { directory, disk, clock, scheduler }
    this.adoption = new Adoption({ ...shared, loader, room, report, isRunning })
    new LeftBehind({
      ...shared,
      load: (item) => loader.load(item),
      isOurs: (pid) => isOwnProcess(pid) && !isOutboundDisabled(plugin),
      report,
    }).start()
    kept.holdBounds()
  }
}

/** Lets other plugins' `delivered` hooks know. */
function announcer(internals: Internals): Announce {
  return (copy, response, taker) =>
    announceDelivered(internals, {
      filename: copy.place.filename,
      path: copy.path,
      host: taker?.host ?? copy.domain,
      ip: taker?.address ?? '',
      port: taker?.port ?? 0,
      response,
    })
}

/** The only process has every file; of several workers each has its own, and the master none. */
function isOwnProcess(pid: number): boolean {
  if (cluster.isWorker) return pid === process.pid
  return Object.keys(cluster.workers ?? {}).length === 0
}
