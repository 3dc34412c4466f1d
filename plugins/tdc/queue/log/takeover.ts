import { basename, join } from 'node:path'
import type { Clock } from '../../clock'
import { errorCode } from '../../base/error-code'
import type { QueueDirectory } from '../../haraka/queue-directory'
import type { Report } from '../../monitor/events'
import { mistakeIn } from '../../monitor/mistake'
import type { Disk } from '../disk'
import { diskErrorText } from '../disk-error'
import { FewAtOnce } from '../few-at-once'
import { NO_FILE } from '../found-file'
import { parseHead, type QueueFileHead, readHead } from '../queue-file'
import { LEASE } from './copy-log'
import {
  LOG_NAME,
  type LoggedRecord,
  readSegment,
  SEGMENT_NAME,
  SEGMENT_SIZE,
  type SegmentContent,
} from './format'

/** Before the name of a log whose process is known to have ended. */
const FREE = 'free.'

/** Milliseconds until the first look for them, and between two. */
const [FIRST_LOOK, LOOK_AGAIN] = [500, 60_000]

/** Milliseconds before a log that was renamed is read: longer than its process may write to it unseen. */
const LAST_WRITES = 2 * LEASE

/** Queue files that are written at a time. */
const WRITTEN_AT_ONCE = 8

/** Takes a copy in that has its queue file. */
export type Bring = (filename: string, head: QueueFileHead) => void

/** `bring`: what is taken over goes on here. `signal`: there is no more time, what is left is for others. */
interface How {
  readonly bring?: Bring
  readonly signal?: AbortSignal
}

/** A copy out of a log, and what it says of itself. */
interface Left {
  readonly record: LoggedRecord
  readonly head: QueueFileHead
}

/**
 * Makes queue files of what other processes left in their logs. Who renames the folder has the log: two never
 * have one, and a process that is alive all the same sees within its lease that it has none any more
 * (copy-log.ts).
 */
export class LogTakeover {
  private readonly directory: QueueDirectory
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly report: Report
  private readonly pid: number
  private readonly write: (record: LoggedRecord) => Promise<unknown>
  private readonly has: (mid: string) => boolean
  private readonly few = new FewAtOnce(WRITTEN_AT_ONCE)
  /** Copies of logs that could not be read to the end. */
  private readonly done = new Set<string>()

  /** `write`: a queue file, durably; `has`: the copies of this process. */
  constructor(deps: {
    directory: QueueDirectory
    disk: Disk
    clock: Clock
    report: Report
    pid: number
    write: (record: LoggedRecord) => Promise<unknown>
    has: (mid: string) => boolean
  }) {
    this.directory = deps.directory
    this.disk = deps.disk
    this.clock = deps.clock
    this.report = deps.report
    this.pid = deps.pid
    this.write = deps.write
    this.has = deps.has
  }

  /** The logs of all processes but `own`: at a start nobody else is here. Never rejects. */
  async takeAll(own: string | undefined, signal: AbortSignal): Promise<void> {
    const { logFolder } = this.directory
    const names = await this.logsIn(logFolder)
    await this.take(
      logFolder,
      names.filter((name) => name !== own),
      { signal },
    )
  }

  /** Those of processes that have ended meanwhile; their copies go on here. Never rejects. */
  async takeFree(bring: Bring): Promise<void> {
    const { logFolder } = this.directory
    const names = await this.logsIn(logFolder)
    await this.take(
      logFolder,
      names.filter((name) => name.startsWith(FREE)),
      { bring },
    )
  }

  /** Looks for those now, and every minute, while this process `delivers`. */
  watch(bring: Bring, delivers: () => boolean, wait = FIRST_LOOK): void {
    this.clock.after(wait, () => {
      const look = delivers() ? this.takeFree(bring) : Promise.resolve()
      look
        .catch(mistakeIn('the look for logs', this.report))
        .finally(() => this.watch(bring, delivers, LOOK_AGAIN))
    })
  }

  /** All of another server, in whose queue directory they are. Never rejects. */
  async takeFrom(logFolder: string, bring: Bring): Promise<void> {
    await this.take(logFolder, await this.logsIn(logFolder), { bring })
  }

  /** The process with this number has ended: another one may have its logs. */
  free(pid: number): void {
    this.freeAll(pid).catch(mistakeIn('the logs of a worker', this.report))
  }

  private async freeAll(pid: number): Promise<void> {
    const { logFolder } = this.directory
    for (const name of await this.logsIn(logFolder)) {
      if (pidOf(name) !== pid || name.startsWith(FREE)) continue
      await this.disk.rename(join(logFolder, name), join(logFolder, FREE + name)).catch(() => {})
    }
  }

  /** The processes whose logs are in a folder. */
  async pidsIn(logFolder: string): Promise<number[]> {
    return (await this.logsIn(logFolder)).filter((name) => !name.startsWith(FREE)).map(pidOf)
  }

  private async take(logFolder: string, names: readonly string[], how: How): Promise<void> {
    const claimed: string[] = []
    for (const name of names) {
      if (await this.claim(logFolder, name)) claimed.push(name)
    }
    if (claimed.length === 0) return
    await new Promise<void>((resolve) => this.clock.after(LAST_WRITES, resolve))
    for (const name of claimed) await this.empty(logFolder, name, how)
  }

  /** Under the number of this process, so that it is free again when this one ends over it. */
  private mineOf(name: string): string {
    return `${this.pid}.${tokenOf(name)}`
  }

  private async claim(logFolder: string, name: string): Promise<boolean> {
    const mine = this.mineOf(name)
    try {
      if (name !== mine) await this.disk.rename(join(logFolder, name), join(logFolder, mine))
      return true
    } catch (error) {
      // ENOENT: another one has it.
      if (errorCode(error) !== 'ENOENT') this.tell(name, error)
      return false
    }
  }

  private async empty(logFolder: string, name: string, how: How): Promise<void> {
    const mine = this.mineOf(name)
    const folder = join(logFolder, mine)
    const { bring, signal } = how
    try {
      signal?.throwIfAborted()
      const { left, damaged, unread } = await this.read(folder)
      const filed = await this.fileAll(left, how)
      try {
        await this.remove(folder, damaged, unread)
        for (const { head } of left) this.done.delete(head.mid)
      } finally {
        for (const { filename, head } of filed) bring?.(filename, head)
      }
      for (const error of unread.values()) throw error
    } catch (error) {
      this.tell(name, error)
      await this.disk.rename(folder, join(logFolder, `${FREE}${mine}`)).catch(() => {})
    }
  }

  /** All copies in a log that have not ended, the files in which something is lost, and those that cannot be read now. */
  private async read(folder: string) {
    const left = new Map<string, Left>()
    const damaged: string[] = []
    const unread = new Map<string, unknown>()
    for (const file of await this.namesIn(folder)) {
      if (!SEGMENT_NAME.test(file)) continue
      let segment: SegmentContent
      try {
        segment = readSegment(await this.disk.readPart(join(folder, file), 0, SEGMENT_SIZE))
      } catch (error) {
        if (NO_FILE.has(errorCode(error))) damaged.push(file)
        else unread.set(file, error)
        continue
      }
      if (segment.damaged) damaged.push(file)
      for (const record of segment.copies) {
        const head = parseHead(record.content.length, record.content)
        if (typeof head !== 'string') left.set(head.mid, { record, head })
        else this.report({ kind: 'damaged', file: record.name, why: head })
      }
    }
    return { left: [...left.values()], damaged, unread }
  }

  private async fileAll(left: readonly Left[], { bring, signal }: How) {
    const filed: { filename: string; head: QueueFileHead }[] = []
    const there = left.length > 0 ? await this.filesByUnique() : new Map<string, string>()
    const one = async ({ record, head }: Left) => {
      signal?.throwIfAborted()
      if (this.done.has(head.mid) || this.has(head.mid)) return
      const before = there.get(this.directory.uniqueOf(record.name))
      if (before !== undefined && (await this.isFileOf(before, head.mid))) return
      const filename = this.directory.adoptedName(record.name)
      await this.write({ name: filename, content: record.content })
      await this.disk.giveAway(this.directory.pathOf(filename))
      this.done.add(head.mid)
      filed.push({ filename, head })
    }
    const results = await Promise.allSettled(left.map((each) => this.few.run(() => one(each))))
    const failed = results.find((result) => result.status === 'rejected')
    if (!failed) return filed
    for (const { filename, head } of filed) bring?.(filename, head)
    throw failed.reason
  }

  /** A copy that got its queue file has it still, when its end was not noted. */
  private async filesByUnique(): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    await this.disk.visit(this.directory.path, (name) => {
      if (this.directory.isOwnName(name)) found.set(this.directory.uniqueOf(name), name)
    })
    return found
  }

  private async isFileOf(name: string, mid: string): Promise<boolean> {
    const head = await readHead(this.disk, this.directory.pathOf(name)).catch(() => 'unreadable')
    return typeof head !== 'string' && head.mid === mid
  }

  private async remove(
    folder: string,
    damaged: readonly string[],
    unread: ReadonlyMap<string, unknown>,
  ): Promise<void> {
    for (const file of await this.namesIn(folder)) {
      if (unread.has(file)) continue
      const path = join(folder, file)
      if (!damaged.includes(file)) {
        await this.disk.unlink(path)
        continue
      }
      const aside = this.directory.asideName(`tdc.${basename(folder)}.${file}`)
      await this.disk.rename(path, this.directory.pathOf(aside))
      const why = 'a part of the log cannot be read; the copies around it are in the queue'
      this.report({ kind: 'damaged', file: aside, why })
    }
    this.disk.removeFolderNow(folder)
    await this.disk.syncDirectory(join(folder, '..'))
  }

  /** What has another name is nobody's log: it stays (the doctor tells of it). */
  private async logsIn(logFolder: string): Promise<string[]> {
    return (await this.namesIn(logFolder)).filter((name) => LOG_NAME.test(name))
  }

  private async namesIn(folder: string): Promise<string[]> {
    const names: string[] = []
    await this.disk.visit(folder, (name) => names.push(name)).catch(() => {})
    return names.sort()
  }

  private tell(name: string, error: unknown): void {
    const text = `the copies in the log ${name} stay there for now: ${diskErrorText(error)}`
    this.report({ kind: 'problem', text })
  }
}

function pidOf(name: string): number {
  return Number(name.replace(FREE, '').split('.')[0])
}

function tokenOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}
