import type { Disk, DiskFile } from '../../plugins/tdc/queue/disk'
import type { Dice } from './dice'

/** Octets that a disk writes whole or not at all. */
const SECTOR = 512

interface Timed {
  readonly begin: number
  end: number
}
interface Written extends Timed {
  readonly file: number
  readonly position: number
  readonly bytes: Buffer
  /** When it is over, without a sync. */
  readonly isDurable: boolean
}
interface Synced extends Timed {
  /** A file; undefined: a directory. */
  readonly file: number | undefined
}
interface Named extends Timed {
  apply(names: Map<string, number>): void
}

/**
 * Records what a disk is told, in its order: what is there if the machine stops at a moment can then be made,
 * as often as is wanted.
 */
export class RecordedDisk {
  readonly disk: Disk
  private readonly writes: Written[] = []
  private readonly syncs: Synced[] = []
  private readonly namings: Named[] = []
  private readonly handles: DiskFile[] = []
  private time = 0

  constructor(inner: Disk) {
    this.disk = {
      ...inner,
      create: async (path) => {
        const number = this.handles.length
        this.handles.push({} as DiskFile)
        const file = await this.named(
          (names) => names.set(path, number),
          () => inner.create(path),
        )
        this.handles[number] = file
        return this.recorded(file, number)
      },
      rename: (from, to) =>
        this.named(
          (names) => {
            const file = names.get(from)
            names.delete(from)
            if (file !== undefined) names.set(to, file)
          },
          () => inner.rename(from, to),
        ),
      unlink: (path) =>
        this.named(
          (names) => names.delete(path),
          () => inner.unlink(path),
        ),
      syncDirectory: (path) => this.synced(undefined, () => inner.syncDirectory(path)),
    }
  }

  /** The present moment. */
  get now(): number {
    return this.time
  }

  /** A moment that is told from all others. */
  tick(): number {
    return ++this.time
  }

  async close(): Promise<void> {
    for (const file of this.handles) await file.close().catch(() => {})
  }

  /** Path -> content if the machine stops at `moment`: of what is not durable by then, the dice say what stays. */
  imageAt(moment: number, dice: Dice): Map<string, Buffer> {
    const isDurable = (work: Timed, file: number | undefined) =>
      this.syncs.some(
        (sync) => sync.file === file && sync.begin > work.end && sync.end < moment && work.end > 0,
      )
    const names = new Map<string, number>()
    const begun = this.namings.filter(({ begin }) => begin < moment)
    // A journal keeps the order of names: what is durable makes durable what was before.
    const durable = begun.reduce(
      (last, work, at) => (isDurable(work, undefined) ? at + 1 : last),
      0,
    )
    const kept = durable + dice.below(begun.length - durable + 1)
    for (const { apply } of begun.slice(0, kept)) apply(names)

    const contents = new Map<number, Buffer>()
    for (const write of this.writes) {
      if (write.begin >= moment) continue
      const isKept = (write.isDurable && write.end < moment) || isDurable(write, write.file)
      const fate = isKept ? 'kept' : dice.pick(['kept', 'lost', 'torn'])
      if (fate === 'lost') continue
      const { file, position, bytes } = write
      const before = contents.get(file) ?? Buffer.alloc(0)
      const length = Math.max(before.length, position + bytes.length)
      const after = length > before.length ? Buffer.alloc(length) : before
      if (after !== before) before.copy(after)
      for (let at = 0; at < bytes.length;) {
        const end = Math.min(bytes.length, at + SECTOR - ((position + at) % SECTOR))
        if (fate === 'kept' || dice.below(2) === 0) bytes.copy(after, position + at, at, end)
        at = end
      }
      contents.set(file, after)
    }
    return new Map([...names].map(([path, file]) => [path, contents.get(file) ?? Buffer.alloc(0)]))
  }

  private recorded(file: DiskFile, number: number): DiskFile {
    const written = async (
      bytes: Buffer,
      position: number,
      work: () => Promise<void>,
      isDurable = false,
    ) => {
      const write = {
        ...{ file: number, position, isDurable },
        bytes: Buffer.from(bytes),
        begin: this.tick(),
        end: Infinity,
      }
      this.writes.push(write)
      await work()
      write.end = this.tick()
    }
    return {
      ...file,
      write: (bytes, position) => written(bytes, position, () => file.write(bytes, position)),
      writeDurably: (parts, position) =>
        written(Buffer.concat(parts), position, () => file.writeDurably(parts, position), true),
      sync: () => this.synced(number, () => file.sync()),
    }
  }

  private async synced(file: number | undefined, work: () => Promise<void>): Promise<void> {
    const sync = { file, begin: this.tick(), end: Infinity }
    this.syncs.push(sync)
    await work()
    sync.end = this.tick()
  }

  private async named<T>(
    apply: (names: Map<string, number>) => unknown,
    work: () => Promise<T>,
  ): Promise<T> {
    const naming = {
      apply: (names: Map<string, number>) => void apply(names),
      begin: this.tick(),
      end: Infinity,
    }
    this.namings.push(naming)
    const result = await work()
    naming.end = this.tick()
    return result
  }
}
