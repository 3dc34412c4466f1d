import type { Clock } from '../clock'
import type { DiskRoom } from '../monitor/status'
import type { QueueLimits } from '../settings/settings'
import type { Disk, FreeSpace } from './disk'
import { diskErrorText } from './disk-error'

/** Milliseconds for which the file system is taken to be as it was. */
const FRESH = 1_000

const MEGABYTE = 2 ** 20

/** One question to the file system. */
interface Look {
  /** When it was asked, on the monotonic clock. */
  readonly at: number
  /** Undefined when the file system does not say: that is no reason to lose a copy. */
  readonly free: Promise<FreeSpace | undefined>
  over: boolean
}

/** Whether the queue may take a further copy: the disk is the gateway's too, and memory has an end. */
export class Room {
  private readonly path: string
  private readonly fileSystem: Disk
  private readonly clock: Clock
  private readonly copies: () => number
  private readonly limits: () => QueueLimits
  private readonly patience: () => number
  private latest: Look | undefined
  private seen: FreeSpace | undefined
  /** Why nothing can be written to the queue directory, as of the last look; null: it can. */
  trouble: string | null = null

  /**
   * `copies`: how many this process has, those that are asked for included. `patience`: milliseconds
   * that a message has for its copies.
   */
  constructor(deps: {
    path: string
    disk: Disk
    clock: Clock
    copies: () => number
    limits: () => QueueLimits
    patience: () => number
  }) {
    this.path = deps.path
    this.fileSystem = deps.disk
    this.clock = deps.clock
    this.copies = deps.copies
    this.limits = deps.limits
    this.patience = deps.patience
  }

  /** Why no further copy is taken; undefined: there is room, or nobody knows. */
  async lack(): Promise<string | undefined> {
    const { minFreeSpace, minFreeInodes, maxCopies } = this.limits()
    const copies = this.copies()
    if (copies > maxCopies) return `${maxCopies} copies are in the queue (max_copies)`
    if (minFreeSpace === 0 && minFreeInodes === 0) return undefined
    const look = this.look()
    const silence = this.clock.monotonic() - look.at
    if (!look.over && silence >= this.patience()) {
      return `the queue disk has not answered for ${Math.floor(silence / 1_000)} s`
    }
    const free = await look.free
    if (!free) return undefined
    if (free.bytes < minFreeSpace) {
      return `${megabytes(free.bytes)} free on the queue disk, min_free_space is ${megabytes(minFreeSpace)}`
    }
    if (free.inodes !== undefined && free.inodes < minFreeInodes) {
      return `${free.inodes} free inodes on the queue disk, min_free_inodes is ${minFreeInodes}`
    }
    return undefined
  }

  /** What the file system said last; it is asked anew for the next time. Null: nobody knows. */
  disk(): DiskRoom | null {
    const { minFreeSpace, minFreeInodes } = this.limits()
    this.look()
    const { seen } = this
    if (!seen) return null
    return {
      bytes: seen.bytes,
      minBytes: minFreeSpace,
      inodes: seen.inodes ?? null,
      minInodes: minFreeInodes,
    }
  }

  private async asked(): Promise<FreeSpace | undefined> {
    const space = this.fileSystem.free(this.path)
    const trouble = this.fileSystem.isOpen(this.path).then(() => null, diskErrorText)
    const [free, found] = await Promise.allSettled([space, trouble])
    if (found.status === 'fulfilled') this.trouble = found.value
    if (free.status === 'rejected') return undefined
    return (this.seen = free.value)
  }

  /** One at a time: a question that hangs has one of node's four threads for files. */
  private look(): Look {
    const { latest } = this
    const at = this.clock.monotonic()
    if (latest && (!latest.over || at - latest.at < FRESH)) return latest
    const free = this.asked()
    const look: Look = { at, over: false, free: free.finally(() => (look.over = true)) }
    this.latest = look
    return look
  }
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / MEGABYTE)} MB`
}
