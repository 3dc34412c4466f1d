import { inTurns } from '../base/in-turns'
import { isMeant } from '../base/sought'
import type { Clock } from '../clock'
import { errorCode } from '../base/error-code'
import type { QueueDirectory } from '../haraka/queue-directory'
import type { Report } from '../monitor/events'
import { Copy } from './copy'
import type { Disk } from './disk'
import { diskErrorText } from './disk-error'
import type { KeptCopies } from './kept-copies'
import type { KeptCopy } from './kept-name'
import { type QueueFileHead, readHead } from './queue-file'
import { replayPreface, replayTag } from './replay-mark'
import type { Scheduler } from './scheduler'

/** Which kept copies; what is not set matches all. */
export interface KeptFilter {
  readonly mid?: string | undefined
  /** `user@domain` as queued, or a domain. */
  readonly intake?: string | undefined
  /** Why it was given up. */
  readonly reason?: string | undefined
  /** Given up at this moment or later; milliseconds since 1970. */
  readonly since?: number | undefined
}

export interface ReplayResult {
  /** Back in the queue of this process. */
  readonly replayed: number
  /** Kept on: they cannot be read, or their MID is in the queue already; a line says so. */
  readonly refused: number
  /** Kept on because the queue is full (max_copies). */
  readonly left: number
}

/** By what its file's name says. */
export function isSought(
  { at, cause }: KeptCopy,
  { since = 0, reason = cause }: KeptFilter,
): boolean {
  return at >= since && cause === reason
}

/** `passed`: not asked for, or no longer there. */
type Fate = keyof ReplayResult | 'passed'

/** Sends kept copies again. Who renames the file has the copy, so each is replayed once. */
export class Replay {
  private readonly kept: KeptCopies
  private readonly directory: QueueDirectory
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly scheduler: Scheduler
  private readonly report: Report
  private readonly maxCopies: () => number

  constructor(deps: {
    kept: KeptCopies
    directory: QueueDirectory
    disk: Disk
    clock: Clock
    scheduler: Scheduler
    report: Report
    maxCopies: () => number
  }) {
    this.kept = deps.kept
    this.directory = deps.directory
    this.disk = deps.disk
    this.clock = deps.clock
    this.scheduler = deps.scheduler
    this.report = deps.report
    this.maxCopies = deps.maxCopies
  }

  /** The oldest first. Rejects when the folder of kept copies cannot be listed. */
  async replay(filter: KeptFilter = {}): Promise<ReplayResult> {
    const counts = { replayed: 0, refused: 0, left: 0, passed: 0 }
    for await (const kept of inTurns(await this.kept.list())) {
      if (filter.mid !== undefined && kept.mid !== filter.mid) continue
      if (!isSought(kept, filter)) continue
      counts[await this.one(kept, filter.intake)]++
    }
    const { replayed, refused, left } = counts
    return { replayed, refused, left }
  }

  /** `intake`: only if it is the copy's. */
  async one(kept: KeptCopy, intake?: string): Promise<Fate> {
    if (this.scheduler.size >= this.maxCopies()) return 'left'
    const { mid } = kept
    try {
      const head = await readHead(this.disk, this.kept.pathOf(kept.file))
      if (typeof head === 'string') return this.refuse(mid, head)
      if (intake !== undefined && !isMeant(intake, head.notes.intake)) return 'passed'
      if (head.mid !== mid) return this.refuse(mid, 'its head has another uuid')
      if (this.scheduler.has(mid)) return this.refuse(mid, 'it is in the queue')
      return await this.bringBack(kept, head)
    } catch (error) {
      // Another process replayed or dropped it.
      if (errorCode(error) === 'ENOENT') return 'passed'
      return this.refuse(mid, diskErrorText(error))
    }
  }

  private async bringBack(kept: KeptCopy, { notes, start }: QueueFileHead): Promise<Fate> {
    const { mid, cause, at: givenUpAt } = kept
    const mark = { cause, givenUpAt, at: this.clock.wall() }
    const filename = this.directory.taggedName(replayTag(mark))
    const path = this.directory.pathOf(filename)
    // Haraka may find the file at any moment, and must not get it sent as well.
    this.scheduler.reserve(mid)
    try {
      await this.disk.rename(this.kept.pathOf(kept.file), path)
    } catch (error) {
      this.scheduler.unreserve(mid)
      throw error
    }
    this.kept.left(kept)
    const place = {
      filename,
      folder: this.directory.path,
      start,
      preface: replayPreface(mark),
      givenUpAt,
    }
    const copy = new Copy(mid, notes, place, this.clock.monotonic())
    const { messageId, recipient: intake } = copy
    this.report({ kind: 'replayed', mid, messageId, intake, givenUpAt, reason: cause })
    this.scheduler.lease(copy)
    this.scheduler.schedule(copy)
    return 'replayed'
  }

  private refuse(mid: string, why: string): Fate {
    this.report({ kind: 'not-replayed', mid, why })
    return 'refused'
  }
}
