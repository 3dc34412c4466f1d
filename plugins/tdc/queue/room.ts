import type { Clock } from '../clock'
import type { QueueLimits } from '../settings/settings'
import type { Disk, FreeSpace } from './disk'

/** Milliseconds for which the file system is taken to be as it was. */
const FRESH = 1_000

const MEGABYTE = 2 ** 20

/** Whether the queue may take a further copy: the disk is the gateway's too, and memory has an end. */
export class Room {
  private readonly path: string
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly copies: () => number
  private readonly limits: () => QueueLimits
  private seen: { readonly at: number; readonly free: Promise<FreeSpace | undefined> } | undefined

  /** `copies`: how many this process has, those that are asked for included. */
  constructor(deps: {
    path: string
    disk: Disk
    clock: Clock
    copies: () => number
    limits: () => QueueLimits
  }) {
    this.path = deps.path
    this.disk = deps.disk
    this.clock = deps.clock
    this.copies = deps.copies
    this.limits = deps.limits
  }

  /** Why no further copy is taken; undefined: there is room, or nobody knows. */
  async lack(): Promise<string | undefined> {
    const { minFreeSpace, minFreeInodes, maxCopies } = this.limits()
    const copies = this.copies()
    if (copies > maxCopies) return `${maxCopies} copies are in the queue (max_copies)`
    if (minFreeSpace === 0 && minFreeInodes === 0) return undefined
    const free = await this.free()
    if (!free) return undefined
    if (free.bytes < minFreeSpace) {
      return `${megabytes(free.bytes)} free on the queue disk, min_free_space is ${megabytes(minFreeSpace)}`
    }
    if (free.inodes !== undefined && free.inodes < minFreeInodes) {
      return `${free.inodes} free inodes on the queue disk, min_free_inodes is ${minFreeInodes}`
    }
    return undefined
  }

  /** Undefined when the file system does not say: that is no reason to lose a copy. */
  private free(): Promise<FreeSpace | undefined> {
    const now = this.clock.monotonic()
    if (!this.seen || now - this.seen.at >= FRESH) {
      this.seen = { at: now, free: this.disk.free(this.path).catch(() => undefined) }
    }
    return this.seen.free
  }
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / MEGABYTE)} MB`
}
