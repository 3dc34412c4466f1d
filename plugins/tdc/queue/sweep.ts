import type { Clock, Timer } from '../clock'
import { errorCode } from '../error-code'
import type { QueueDirectory } from '../haraka/queue-directory'
import type { Report } from '../monitor/events'
import { diskErrorText, type Disk } from './disk'
import { readHead } from './queue-file'

/** Files that are read at a time. */
const AT_A_TIME = 16

/** Milliseconds: Haraka starts only when we are done, and ends itself after `plugin_timeout`. */
const LONGEST = 10_000

/**
 * Looks at the copies in the queue directory before Haraka loads them. A damaged one is set aside:
 * of an empty file Haraka would never give its delivery slot back, and it ends when it gives up
 * one whose head it cannot read. One that is due later than any retry of ours is due now: the
 * machine's clock was set back, and Haraka would wait until it has caught up.
 */
export class Sweep {
  private readonly directory: QueueDirectory
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly report: Report
  private readonly retryDelay: () => number

  /** `retryDelay`: milliseconds that a copy waits for its retry. */
  constructor(deps: {
    directory: QueueDirectory
    disk: Disk
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

  /** Never rejects; what is not looked at in time is left to Haraka as it is. */
  async run(): Promise<void> {
    let late = false
    let deadline: Timer | undefined
    const tooLong = new Promise<void>((resolve) => {
      deadline = this.clock.after(LONGEST, resolve)
    }).then(() => (late = true))
    await Promise.race([this.lookAtAll(() => late), tooLong])
    deadline?.cancel()
  }

  private async lookAtAll(late: () => boolean): Promise<void> {
    const names = await this.ownNames()
    const lookOn = async () => {
      for (let name = names.pop(); name !== undefined && !late(); name = names.pop()) {
        await this.lookAt(name)
      }
    }
    await Promise.all(Array.from({ length: AT_A_TIME }, lookOn))
  }

  private async ownNames(): Promise<string[]> {
    const names = await this.disk.list(this.directory.path).catch(() => [])
    return names.filter((name) => this.directory.isOwnName(name))
  }

  private async lookAt(name: string): Promise<void> {
    const why = await this.damageOf(name)
    if (why) return this.setAside(name, why)
    const now = this.clock.wall()
    if (this.directory.nextAttemptOf(name) <= now + this.retryDelay()) return
    const due = this.directory.retryName(name, now, this.directory.attemptsOf(name))
    await this.rename(name, due).catch(() => {})
  }

  /** What is wrong with a file; undefined also when it cannot be read now, which may pass. */
  private async damageOf(name: string): Promise<string | undefined> {
    try {
      const head = await readHead(this.disk, this.directory.pathOf(name))
      return typeof head === 'string' ? head : undefined
    } catch (error) {
      const code = errorCode(error)
      return code === 'EISDIR' || code === 'ELOOP' || code === 'ENOENT'
        ? `it is no file (${code})`
        : undefined
    }
  }

  private async setAside(name: string, why: string): Promise<void> {
    try {
      await this.rename(name, this.directory.asideName(name))
      this.report({ kind: 'damaged', file: name, why })
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return
      this.report({ kind: 'damaged', file: name, why: `${why}; ${diskErrorText(error)}` })
    }
  }

  private rename(from: string, to: string): Promise<void> {
    return this.disk.rename(this.directory.pathOf(from), this.directory.pathOf(to))
  }
}
