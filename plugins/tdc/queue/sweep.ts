import { closeSync, fstatSync, openSync, readdirSync, readSync, renameSync } from 'node:fs'
import type { Clock } from '../clock'
import { errorCode } from '../base/error-code'
import type { QueueDirectory } from '../haraka/queue-directory'
import type { Report } from '../monitor/events'
import { diskErrorText } from './disk-error'
import { FOUND, NO_FILE } from './found-file'
import { LONGEST_HEAD, parseHead } from './queue-file'

/** Milliseconds after which the rest is left to Haraka, which starts when we are done. */
const LONGEST = 10_000

/** The file system as the sweep uses it: at once, or it throws. */
export interface SweptDisk {
  list(path: string): string[]
  /** A file's size, and up to `most` octets from its beginning. */
  begin(path: string, most: number): { size: number; bytes: Buffer }
  rename(from: string, to: string): void
}

export const systemSweptDisk: SweptDisk = {
  list: (path) => readdirSync(path),
  begin(path, most) {
    const file = openSync(path, FOUND)
    try {
      const bytes = Buffer.allocUnsafe(most)
      const read = readSync(file, bytes, 0, most, 0)
      return { size: fstatSync(file).size, bytes: bytes.subarray(0, read) }
    } finally {
      closeSync(file)
    }
  },
  rename: renameSync,
}

/**
 * Looks at the copies in the queue directory before Haraka loads them. A damaged one is set aside:
 * of an empty file Haraka would never give its delivery slot back, and it ends when it gives up
 * one whose head it cannot read. One that is due later than any retry of ours is due now: the
 * machine's clock was set back, and Haraka would wait until it has caught up.
 *
 * Everything happens at once: Haraka ends itself when a hook of its start runs out of time.
 */
export class Sweep {
  private readonly directory: QueueDirectory
  private readonly disk: SweptDisk
  private readonly clock: Clock
  private readonly report: Report
  private readonly retryDelay: () => number

  /** `retryDelay`: milliseconds that a copy waits for its retry. */
  constructor(deps: {
    directory: QueueDirectory
    disk: SweptDisk
    clock: Clock
    report: Report
    retryDelay: () => number
  }) {
    this.directory = deps.directory
    this.disk = deps.disk
    this.clock = deps.clock
    this.report = deps.report
    this.retryDelay = deps.retryDelay
  }

  /** Never throws. */
  run(): void {
    const start = this.clock.monotonic()
    for (const name of this.ownNames()) {
      if (this.clock.monotonic() - start > LONGEST) return
      this.lookAt(name)
    }
  }

  private ownNames(): string[] {
    try {
      const names = this.disk.list(this.directory.path)
      return names.filter((name) => this.directory.isOwnName(name))
    } catch {
      return []
    }
  }

  private lookAt(name: string): void {
    const why = this.damageOf(name)
    if (why) return this.setAside(name, why)
    const now = this.clock.wall()
    if (this.directory.nextAttemptOf(name) <= now + this.retryDelay()) return
    const due = this.directory.retryName(name, now, this.directory.attemptsOf(name))
    try {
      this.rename(name, due)
    } catch {
      // It comes when the clock has caught up.
    }
  }

  /** What is wrong with a file; undefined also when it cannot be read now, which may pass. */
  private damageOf(name: string): string | undefined {
    try {
      const { size, bytes } = this.disk.begin(this.directory.pathOf(name), LONGEST_HEAD)
      const head = parseHead(size, bytes)
      return typeof head === 'string' ? head : undefined
    } catch (error) {
      return NO_FILE.has(errorCode(error)) ? diskErrorText(error) : undefined
    }
  }

  private setAside(name: string, why: string): void {
    try {
      this.rename(name, this.directory.asideName(name))
      this.report({ kind: 'damaged', file: name, why })
    } catch (error) {
      this.report({ kind: 'damaged', file: name, why: `${why}; ${diskErrorText(error)}` })
    }
  }

  private rename(from: string, to: string): void {
    this.disk.rename(this.directory.pathOf(from), this.directory.pathOf(to))
  }
}
