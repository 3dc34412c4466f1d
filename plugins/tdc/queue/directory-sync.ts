import type { Disk } from './disk'

/**
 * One fsync of the queue directory for all who wait for one: a rename is durable after an fsync
 * that began after it, and under load many renames share that fsync.
 */
export class DirectorySync {
  private readonly disk: Disk
  private readonly path: string
  private running: Promise<void> | undefined
  private next: Promise<void> | undefined

  constructor(disk: Disk, path: string) {
    this.disk = disk
    this.path = path
  }

  /** Resolves when everything renamed before the call is on disk. */
  sync(): Promise<void> {
    if (!this.running) return this.run()
    // The fsync that is running may have begun before our rename: wait for the one after it.
    this.next ??= this.running.then(
      () => this.run(),
      () => this.run(),
    )
    return this.next
  }

  private run(): Promise<void> {
    this.next = undefined
    const running = this.disk.syncDirectory(this.path)
    this.running = running
    const over = () => {
      if (this.running === running) this.running = undefined
    }
    running.then(over, over)
    return running
  }
}
