import { randomBytes } from 'node:crypto'
import type { Disk, DiskFile } from '../disk'
import type { CopyRecord } from '../copy-store'
import {
  GENERATION_SIZE,
  headOf,
  HEADS_AT,
  MARK_SIZE,
  markOf,
  MARKS_AT,
  MOST_RECORDS,
  newSegment,
  recordOf,
  RECORDS_AT,
  recordSize,
} from './format'

/** Where a copy stands in a segment. */
export interface LoggedCopy extends CopyRecord {
  readonly segment: Segment
  readonly index: number
}

/** One file of the log while its process writes it. */
export class Segment {
  private readonly marks = Buffer.alloc(MOST_RECORDS * MARK_SIZE)
  /** Where the next record goes, and how many there are. */
  private at = RECORDS_AT
  private count = 0
  /** Marks that are not written: from which octet of them to which, and whether somebody waits until they are durable. */
  private dirty: { from: number; to: number } | undefined
  private areDue = false
  private writing: Promise<void> | undefined
  readonly copies = new Set<LoggedCopy>()
  /** A call for it failed: nothing is added any more, and no sync tried again. */
  hasFailed = false
  /** Resolves when its file is gone, or cannot be removed. */
  readonly gone: Promise<void>
  /** Tells `gone`. */
  left: () => void = () => {}

  private constructor(
    readonly path: string,
    private readonly file: DiskFile,
    private readonly size: number,
    private generation: Buffer,
  ) {
    this.gone = new Promise((resolve) => (this.left = resolve))
  }

  /** A file of its full size: a sync of what is written later need not note a new one. */
  static async make(disk: Disk, path: string, size: number): Promise<Segment> {
    const file = await disk.create(path)
    try {
      const generation = randomBytes(GENERATION_SIZE)
      await file.writeDurably([newSegment(generation, size)], 0)
      return new Segment(path, file, size, generation)
    } catch (error) {
      await file.close().catch(() => {})
      await disk.unlink(path).catch(() => {})
      throw error
    }
  }

  get hasEnded(): boolean {
    return this.copies.size === 0 && !this.dirty && !this.writing
  }

  get isHalfFull(): boolean {
    return this.at - RECORDS_AT > (this.size - RECORDS_AT) / 2
  }

  /** From its beginning once more, when all that was in it has ended. */
  async renew(): Promise<void> {
    this.generation = randomBytes(GENERATION_SIZE)
    this.marks.fill(0)
    this.at = RECORDS_AT
    this.count = 0
    await (this.writing = this.writeHeads())
  }

  /**
   * Both are durable before anything is written behind them, and the second is not begun before the first is: one
   * of them is sound at any moment.
   */
  private async writeHeads(): Promise<void> {
    try {
      for (const at of HEADS_AT) await this.file.writeDurably([headOf(this.generation)], at)
    } finally {
      this.writing = undefined
    }
  }

  fits(copy: CopyRecord): boolean {
    return this.count < MOST_RECORDS && this.at + recordSize(copy) <= this.size
  }

  /** Takes its place, to be written with the others that wait. */
  place({ name, content }: CopyRecord): { copy: LoggedCopy; octets: Buffer[] } {
    const copy = { name, content, segment: this, index: this.count++ }
    const octets = recordOf(copy, this.generation, copy.index, this.at)
    this.at += recordSize(copy)
    this.copies.add(copy)
    return { copy, octets }
  }

  /** Where the next record goes. */
  get end(): number {
    return this.at
  }

  /** Durably. */
  write(octets: readonly Buffer[], position: number): Promise<void> {
    return this.file.writeDurably(octets, position)
  }

  /** The copy has ended; its mark is written by `writeMarks`. */
  mark(copy: LoggedCopy): void {
    if (!this.copies.delete(copy)) return
    const from = copy.index * MARK_SIZE
    markOf(this.generation, copy.index).copy(this.marks, from)
    const before = this.dirty ?? { from, to: from }
    const to = Math.max(before.to, from + MARK_SIZE)
    this.dirty = { from: Math.min(before.from, from), to }
  }

  /** All that end while marks are being written share the next write. A failed segment is not synced again. */
  async writeMarks(durably?: 'durably'): Promise<void> {
    this.areDue ||= durably !== undefined && !this.hasFailed
    while (this.dirty) await (this.writing ??= this.writeDirty())
    await this.writing
  }

  private async writeDirty(): Promise<void> {
    try {
      while (this.dirty) {
        const { from, to } = this.dirty
        const marks = Buffer.from(this.marks.subarray(from, to))
        const areDue = this.areDue
        this.dirty = undefined
        this.areDue = false
        if (areDue) await this.file.writeDurably([marks], MARKS_AT + from)
        else await this.file.write(marks, MARKS_AT + from)
      }
    } finally {
      this.writing = undefined
    }
  }

  /** The process ends. */
  writeMarksNow(): void {
    if (!this.dirty) return
    const { from, to } = this.dirty
    this.dirty = undefined
    this.file.writeNow(this.marks.subarray(from, to), MARKS_AT + from)
  }

  close(): Promise<void> {
    return this.file.close()
  }
}
