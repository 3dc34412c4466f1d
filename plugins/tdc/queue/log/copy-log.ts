import { basename, dirname, join } from 'node:path'
import { errorCode } from '../../base/error-code'
import type { Clock } from '../../clock'
import type { Report } from '../../monitor/events'
import { mistakeIn } from '../../monitor/mistake'
import type { CopyRecord, CopyStore, StoredCopy } from '../copy-store'
import type { Disk } from '../disk'
import { diskErrorText } from '../disk-error'
import { RECORDS_AT, recordSize, SEGMENT_SIZE } from './format'
import { type LoggedCopy, Segment } from './segment'

/** Octets of the records that are written and synced together. */
const MOST_TOGETHER = 1024 * 1024

/** Segments that are kept for further use. */
const MOST_SPARE = 3

/** The segments on which a copy is tried before its writing has failed. */
const TRIES = 2

/** A copy that is to be written. */
interface Waiting {
  readonly copy: CopyRecord
  readonly signal: AbortSignal
  readonly resolve: (copy: LoggedCopy) => void
  readonly reject: (why: unknown) => void
  tries: number
}

/**
 * Milliseconds for which a log is ours from the moment at which its folder was looked for, and found. Who
 * renames the folder waits for twice as long before it reads.
 */
export const LEASE = 200

/**
 * The write-ahead log of one process (docs/log-format.md). All copies that wait at a moment share one write.
 * Another process takes the log over by renaming its folder: what is written when the lease is over counts for
 * nothing, until it was seen that the folder is still there.
 */
export class CopyLog implements CopyStore {
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly report: Report
  private readonly newFolder: () => string
  private readonly segmentSize: number
  private readonly segments = new Set<Segment>()
  private current: Segment | undefined
  private spare: Segment[] = []
  private making: Promise<void> | undefined
  private folder: string | undefined
  private made = 0
  private waiting: Waiting[] = []
  private octets = 0
  private running = false
  private leaseEnds = -Infinity
  /** Segments with records of copies that are written elsewhere, because their sync failed. */
  private readonly ghosts = new WeakMap<Buffer, Segment[]>()

  /** `newFolder`: a path that no other process has. `segmentSize`: octets. */
  constructor(deps: {
    disk: Disk
    clock: Clock
    report: Report
    newFolder: () => string
    segmentSize?: number
  }) {
    this.segmentSize = deps.segmentSize ?? SEGMENT_SIZE
    this.disk = deps.disk
    this.clock = deps.clock
    this.report = deps.report
    this.newFolder = deps.newFolder
  }

  /** A segment for the first copy. */
  async makeReady(): Promise<void> {
    if (!this.current && this.spare.length === 0) await this.makeSegment()
  }

  append(copy: CopyRecord, signal: AbortSignal): Promise<LoggedCopy> {
    if (RECORDS_AT + recordSize(copy) > this.segmentSize) {
      return Promise.reject(new RangeError(`${copy.content.length} octets are no record`))
    }
    const { length } = copy.content
    this.octets += length
    return new Promise<LoggedCopy>((resolve, reject) => {
      this.waiting.push({ copy, signal, resolve, reject, tries: 0 })
      this.begun(this.run())
    }).finally(() => (this.octets -= length))
  }

  async end(stored: StoredCopy, durably?: 'durably'): Promise<void> {
    const copy = stored as LoggedCopy
    const { segment } = copy
    segment.mark(copy)
    try {
      await segment.writeMarks(durably)
      if (durably && !segment.hasFailed) await this.mustBeOurs(segment)
    } catch (error) {
      this.fail(segment, error)
    }
    this.letGo(segment)
    if (!durably) return
    const failed = [segment, ...(this.ghosts.get(copy.content) ?? [])]
    await Promise.all(failed.map((each) => each.hasFailed && each.gone))
  }

  *list(): Generator<LoggedCopy> {
    for (const { copies } of this.segments) yield* copies
  }

  /** The process ends: what has ended is noted, and an empty log leaves nothing behind. */
  endNow(ended: readonly StoredCopy[]): void {
    try {
      for (const copy of ended as LoggedCopy[]) copy.segment.mark(copy)
      for (const segment of this.segments) segment.writeMarksNow()
      const { folder } = this
      if (folder === undefined || [...this.list()].length + this.waiting.length > 0) return
      for (const { path } of this.segments) this.disk.unlinkNow(path)
      this.disk.removeFolderNow(folder)
    } catch {
      // The disk does not work: one copy too many is allowed.
    }
  }

  /** Octets of copies that are being written. */
  get waitingOctets(): number {
    return this.octets
  }

  /** The folder of this process; undefined: it has none yet. */
  get ownName(): string | undefined {
    return this.folder && basename(this.folder)
  }

  /** Work that goes on by itself. */
  private begun(work: Promise<unknown>): void {
    work.catch(mistakeIn('the log', this.report))
  }

  private async run(): Promise<void> {
    if (this.running) return
    this.running = true
    while (this.waiting.length > 0) await this.writeWaiting()
    this.running = false
  }

  /** One write for those that wait, and fit. */
  private async writeWaiting(): Promise<void> {
    const gone = this.waiting.filter(({ signal }) => signal.aborted)
    this.waiting = this.waiting.filter(({ signal }) => !signal.aborted)
    for (const { reject, signal } of gone) reject(signal.reason)
    const [first] = this.waiting
    if (!first) return
    const segment = await this.segmentFor(first.copy).catch((error: unknown) => {
      for (const { reject } of this.waiting.splice(0)) reject(error)
    })
    if (!segment) return
    const position = segment.end
    const batch: (Waiting & { readonly placed: LoggedCopy })[] = []
    const octets: Buffer[] = []
    while (this.waiting[0] && segment.fits(this.waiting[0].copy)) {
      if (batch.length > 0 && segment.end - position > MOST_TOGETHER) break
      const next = this.waiting.shift() as Waiting
      const placed = segment.place(next.copy)
      octets.push(...placed.octets)
      batch.push(Object.assign(next, { placed: placed.copy }))
    }
    try {
      await segment.write(octets, position)
      await this.mustBeOurs(segment)
    } catch (error) {
      this.fail(segment, error)
      this.writeElsewhere(batch, error)
      return
    }
    for (const { placed, resolve } of batch) resolve(placed)
    this.makeAhead(segment)
  }

  /** After the write: what is there before the folder is renamed, or within the lease, is seen by whoever does. */
  private async mustBeOurs({ path }: Segment): Promise<void> {
    const now = this.clock.monotonic()
    if (now < this.leaseEnds) return
    if (!(await this.disk.exists(path))) throw new Error(TAKEN_OVER)
    this.leaseEnds = now + LEASE
  }

  private writeElsewhere(
    batch: readonly (Waiting & { readonly placed: LoggedCopy })[],
    error: unknown,
  ): void {
    const again: Waiting[] = []
    for (const each of batch) {
      const { placed } = each
      const { segment, content } = placed
      this.ghosts.set(content, [...(this.ghosts.get(content) ?? []), segment])
      segment.mark(placed)
      if (++each.tries < TRIES) again.push(each)
      else each.reject(error)
    }
    for (const { placed } of batch) void placed.segment.writeMarks().catch(() => {})
    this.waiting.unshift(...again)
  }

  /** What is still in it ends, or gets its queue file, within a moment; then the file goes. */
  private fail(segment: Segment, error: unknown): void {
    if (segment.hasFailed) return
    segment.hasFailed = true
    const why =
      error instanceof Error && error.message === TAKEN_OVER ? TAKEN_OVER : diskErrorText(error)
    this.report({ kind: 'problem', text: `a segment of the log of copies is given up: ${why}` })
    if (this.current === segment) this.current = undefined
    if (why !== TAKEN_OVER) return this.letGo(segment)
    this.current = undefined
    this.leaseEnds = -Infinity
    this.spare = []
    this.folder = undefined
    this.making = undefined
    for (const other of this.segments) {
      other.hasFailed = true
      this.letGo(other)
    }
  }

  /** All its copies have ended: it is used again, or goes. */
  private letGo(segment: Segment): void {
    if (!this.segments.has(segment) || segment === this.current || segment.copies.size > 0) return
    if (segment.hasFailed) this.begun(this.remove(segment))
    else if (segment.hasEnded && !this.spare.includes(segment)) this.begun(this.renew(segment))
  }

  private async renew(segment: Segment): Promise<void> {
    if (this.spare.length >= MOST_SPARE) return this.remove(segment)
    try {
      await segment.renew()
      if (!segment.hasFailed) this.spare.push(segment)
    } catch (error) {
      this.fail(segment, error)
    }
  }

  private async remove(segment: Segment): Promise<void> {
    this.segments.delete(segment)
    try {
      await segment.close().catch(() => {})
      await this.disk.unlink(segment.path)
      await this.disk.syncDirectory(dirname(segment.path))
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') {
        const text = `the file ${segment.path} cannot be removed: ${diskErrorText(error)}`
        this.report({ kind: 'problem', text })
      }
    }
    segment.left()
  }

  private async segmentFor(copy: CopyRecord): Promise<Segment> {
    if (this.current?.fits(copy)) return this.current
    while (this.spare.length === 0) await this.makeSegment()
    const [full, next] = [this.current, this.spare.shift() as Segment]
    this.current = next
    if (full) this.letGo(full)
    return next
  }

  /** The next segment is there before this one is full. */
  private makeAhead(segment: Segment): void {
    if (!segment.isHalfFull || this.spare.length > 0 || this.making) return
    this.makeSegment().catch(() => {})
  }

  /** Resolves when there is a spare one. */
  private makeSegment(): Promise<void> {
    if (this.making) return this.making
    const making = this.makeOne().finally(() => {
      if (this.making === making) this.making = undefined
    })
    this.making = making
    return making
  }

  private async makeOne(): Promise<void> {
    const folder = this.folder ?? (await this.makeFolder())
    const path = join(folder, `${++this.made}${SEGMENT_ENDING}`)
    const segment = await Segment.make(this.disk, path, this.segmentSize)
    await this.disk.syncDirectory(folder)
    this.segments.add(segment)
    if (folder === this.folder) this.spare.push(segment)
    else this.fail(segment, new Error(TAKEN_OVER))
  }

  /** With every folder above it that may be new. */
  private async makeFolder(): Promise<string> {
    const folder = this.newFolder()
    await this.disk.makeFolder(folder)
    for (let path = dirname(folder), i = 0; i < FOLDERS_ABOVE; i++, path = dirname(path)) {
      await this.disk.syncDirectory(path)
    }
    this.folder = folder
    return folder
  }
}

export const SEGMENT_ENDING = '.log'

/** `log`, `error.tdc` and the queue directory. */
const FOLDERS_ABOVE = 3

const TAKEN_OVER = 'its folder is gone: another process has taken it over, or somebody removed it'
