import { inTurns } from '../base/in-turns'
import type { Clock } from '../clock'
import type { QueueDirectory } from '../haraka/queue-directory'
import type { LoadedItem } from '../haraka/types'
import type { Report } from '../monitor/events'
import { QUEUE_DOMAIN } from '../base/names'
import { mistakeIn } from '../monitor/mistake'
import type { Disk } from './disk'
import { readHead } from './queue-file'
import type { Scheduler } from './scheduler'

/** Milliseconds between two looks. */
const LOOK_AGAIN = 60_000

/** Milliseconds that a file must be due for: until then, Haraka may still bring it. */
const OVERDUE = 30_000

/**
 * Copies that Haraka has dropped from its own queue: what it cannot open when it loads the queue, for
 * want of descriptors, it does not try again before its next start.
 */
export class LeftBehind {
  private readonly directory: QueueDirectory
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly scheduler: Scheduler
  private readonly load: (item: LoadedItem) => Promise<void>
  private readonly isOurs: (pid: number) => boolean
  private readonly report: Report

  /** `isOurs`: files that name this process are this one's to deliver. */
  constructor(deps: {
    directory: QueueDirectory
    disk: Disk
    clock: Clock
    scheduler: Scheduler
    load: (item: LoadedItem) => Promise<void>
    isOurs: (pid: number) => boolean
    report: Report
  }) {
    this.directory = deps.directory
    this.disk = deps.disk
    this.clock = deps.clock
    this.scheduler = deps.scheduler
    this.load = deps.load
    this.isOurs = deps.isOurs
    this.report = deps.report
  }

  start(): void {
    this.clock.after(LOOK_AGAIN, () => {
      this.look()
        .catch(mistakeIn('the look for copies left behind', this.report))
        .finally(() => this.start())
    })
  }

  async look(): Promise<void> {
    const overdue = new Set<string>()
    await this.disk.visit(this.directory.path, (name) => {
      if (this.isOverdue(name)) overdue.add(name)
    })
    for await (const { copy } of inTurns(this.scheduler.entries())) {
      overdue.delete(copy.place.filename)
    }
    for (const name of overdue) await this.bring(name).catch(() => {})
  }

  private isOverdue(name: string): boolean {
    return (
      this.directory.isOwnName(name) &&
      this.isOurs(this.directory.pidOf(name)) &&
      this.directory.nextAttemptOf(name) < this.clock.wall() - OVERDUE
    )
  }

  private async bring(filename: string): Promise<void> {
    const path = this.directory.pathOf(filename)
    const head = await readHead(this.disk, path)
    // A damaged one is set aside at the next start.
    if (typeof head === 'string' || this.scheduler.has(head.mid)) return
    const { mid, notes, start, queueTime } = head
    const todo = { uuid: mid, domain: QUEUE_DOMAIN, queue_time: queueTime, notes: { tdc: notes } }
    await this.load({ filename, path, file_size: start + notes.octets, data_start: start, todo })
  }
}
