import type { Clock } from '../clock'
import type { LoadedItem } from '../haraka/types'
import type { QueueDirectory } from '../haraka/queue-directory'
import { retriesOf } from '../delivery/retries'
import type { Report } from '../monitor/events'
import { Copy } from './copy'
import { isMid, parseNotes } from './copy-notes'
import type { Disk } from './disk'
import { diskErrorText } from './disk-error'
import type { QueueFileHead } from './queue-file'
import { parseReplayTag, replayPreface } from './replay-mark'
import type { Scheduler } from './scheduler'

/** The most retries that any failure has; what a file name may claim beyond is not ours. */
const MOST_RETRIES = retriesOf({ kind: 'network', details: 'error', reason: '' })

/** Takes copies in that Haraka found in the queue directory: at start, at SIGHUP, of a dead worker. */
export class Loader {
  private readonly directory: QueueDirectory
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly scheduler: Scheduler
  private readonly report: Report
  private readonly countsDowntime: () => boolean

  constructor(deps: {
    directory: QueueDirectory
    disk: Disk
    clock: Clock
    scheduler: Scheduler
    report: Report
    countsDowntime: () => boolean
  }) {
    this.directory = deps.directory
    this.disk = deps.disk
    this.clock = deps.clock
    this.scheduler = deps.scheduler
    this.report = deps.report
    this.countsDowntime = deps.countsDowntime
  }

  /** Of an item that was already taken over from Haraka. */
  async load(item: LoadedItem): Promise<void> {
    const { todo, filename, path } = item
    if (!isMid(todo?.uuid)) return this.setAside(item, 'its head has no uuid')
    const notes = parseNotes(todo.notes?.tdc)
    if (typeof notes === 'string') return this.setAside(item, notes)
    // The same file once more: it is in our hands already.
    if (this.scheduler.has(todo.uuid)) return
    if (item.file_size - item.data_start !== notes.octets) {
      return this.setAside(item, 'its message is not complete')
    }
    // Delivered while Haraka read it? Asked in this order, so that no moment is left out.
    if (!(await this.disk.exists(path)) || this.scheduler.has(todo.uuid)) return

    const head = { mid: todo.uuid, notes, start: item.data_start, queueTime: todo.queue_time }
    const copy = this.copyOf(filename, head)
    this.report({ kind: 'loaded', mid: copy.mid, intake: copy.recipient })
    this.scheduler.schedule(copy)
  }

  /** Of a queue file that Haraka knows nothing of. */
  bring(filename: string, head: QueueFileHead): void {
    this.take(this.copyOf(filename, head))
  }

  /** It goes on here from now on. */
  take(copy: Copy): void {
    this.report({ kind: 'loaded', mid: copy.mid, intake: copy.recipient })
    this.scheduler.lease(copy)
    this.scheduler.schedule(copy)
  }

  /** A copy whose file was found: what its name and its head say of it. */
  copyOf(filename: string, head: QueueFileHead, message?: Buffer): Copy {
    const { mid, notes, start, queueTime } = head
    const mark = parseReplayTag(this.directory.tagOf(filename))
    const preface = mark && replayPreface(mark)
    const { givenUpAt } = mark ?? {}
    const place = { filename, folder: this.directory.path, start, preface, givenUpAt }
    const copy = new Copy(mid, notes, place, this.enqueuedAt(mark?.at ?? queueTime), message)
    copy.failedAttempts = this.attempts(this.directory.attemptsOf(filename))
    return copy
  }

  /**
   * The age counts from now, unless the time while the gateway was down is to count (spec 5.5). A
   * queue time in the future is a clock that was set back: it counts as now.
   */
  private enqueuedAt(queueTime: number): number {
    const downtime = this.countsDowntime() ? Math.max(0, this.clock.wall() - queueTime) : 0
    return this.clock.monotonic() - (Number.isFinite(downtime) ? downtime : 0)
  }

  /** An attempt is due to everything that is found: what is written of it may count attempts never made. */
  attempts(written: number): number {
    return Math.min(written, MOST_RETRIES)
  }

  private async setAside({ filename, path }: LoadedItem, why: string): Promise<void> {
    try {
      await this.disk.rename(path, this.directory.pathOf(this.directory.asideName(filename)))
      this.report({ kind: 'damaged', file: filename, why })
    } catch (error) {
      this.report({ kind: 'damaged', file: filename, why: `${why}; ${diskErrorText(error)}` })
    }
  }
}
