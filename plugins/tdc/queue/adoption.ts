import { join } from 'node:path'
import { inTurns, sortedInTurns } from '../base/in-turns'
import type { Clock } from '../clock'
import { errorCode } from '../base/error-code'
import { logFolderIn, type QueueDirectory } from '../haraka/queue-directory'
import type { Report } from '../monitor/events'
import { Arrival } from './arrival'
import type { Disk } from './disk'
import { diskErrorText } from './disk-error'
import { NO_FILE } from './found-file'
import type { Loader } from './loader'
import type { LogTakeover } from './log/takeover'
import { type QueueFileHead, readHead } from './queue-file'
import type { Scheduler } from './scheduler'

export interface AdoptResult {
  /** In the queue of this process now. */
  readonly adopted: number
  /** They stay where they are; a line says why. */
  readonly refused: number
  /** They stay because the queue here has no room. */
  readonly left: number
  /** Not looked at: the time of one call was over. */
  readonly rest: number
}

/** `passed`: not a copy, or no longer there. */
type Fate = keyof AdoptResult | 'passed'

/** Milliseconds for one call, so that whoever asks sees it going on. */
const LONGEST = 10_000

/**
 * Takes the copies over that another server left in its queue directory. Other mail in it stays. A
 * copy's age counts as after a restart (loader.ts).
 */
export class Adoption {
  private readonly directory: QueueDirectory
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly scheduler: Scheduler
  private readonly loader: Loader
  private readonly takeover: LogTakeover
  private readonly room: { lack(): Promise<string | undefined> }
  private readonly report: Report
  private readonly isRunning: (pid: number) => boolean
  private busy = false

  constructor(deps: {
    directory: QueueDirectory
    disk: Disk
    clock: Clock
    scheduler: Scheduler
    loader: Loader
    takeover: LogTakeover
    room: { lack(): Promise<string | undefined> }
    report: Report
    isRunning: (pid: number) => boolean
  }) {
    this.directory = deps.directory
    this.disk = deps.disk
    this.clock = deps.clock
    this.scheduler = deps.scheduler
    this.loader = deps.loader
    this.takeover = deps.takeover
    this.room = deps.room
    this.report = deps.report
    this.isRunning = deps.isRunning
  }

  /**
   * `force`: also when processes of the server seem to run. Rejects with a sentence when the
   * directory cannot be read or must not be touched.
   */
  async adopt(given: string, force: boolean): Promise<AdoptResult> {
    if (this.busy) throw new Error('another directory is just being adopted')
    this.busy = true
    try {
      const from = await this.realPath(given)
      if (from === (await this.realPath(this.directory.path))) {
        throw new Error(`${from} is the queue directory of this server`)
      }
      return await this.adoptAll(new Arrival(this.directory, this.disk, from), force)
    } finally {
      this.busy = false
    }
  }

  private async realPath(path: string): Promise<string> {
    try {
      return await this.disk.realPath(path)
    } catch (cause) {
      throw new Error(unreadable(path, cause), { cause })
    }
  }

  private async adoptAll(arrival: Arrival, force: boolean): Promise<AdoptResult> {
    const { from } = arrival
    const here = await this.namesIn(from)
    if (!force) await this.refuseLive(from, here)
    const begun = await arrival.begun(here)
    const counts = { adopted: 0, refused: 0, left: 0, rest: 0, passed: 0 }
    const start = this.clock.monotonic()
    for (const name of begun.keys()) here.add(name)
    for (const names of await this.inOrder(here)) {
      for await (const name of inTurns(names)) {
        const over = this.clock.monotonic() - start >= LONGEST
        counts[over ? 'rest' : await this.adoptOne(arrival, name, begun.get(name))]++
      }
    }
    counts.adopted += await this.adoptLogs(from)
    const { adopted, refused, left, rest } = counts
    return { adopted, refused, left, rest }
  }

  /** What that server had not written queue files for when it ended. */
  private async adoptLogs(from: string): Promise<number> {
    let adopted = 0
    await this.takeover.takeFrom(logFolderIn(from), (filename, head) => {
      this.bring(from, filename, head)
      adopted++
    })
    return adopted
  }

  private async namesIn(from: string): Promise<Set<string>> {
    try {
      const names = new Set<string>()
      await this.disk.visit(from, (name) => {
        if (this.directory.isQueueName(name)) names.add(name)
      })
      return names
    } catch (cause) {
      throw new Error(unreadable(from, cause), { cause })
    }
  }

  /** The oldest first; those whose names are not ours, which may be other mail, last. */
  private async inOrder(names: Iterable<string>): Promise<string[][]> {
    const [own, others]: [string[], string[]] = [[], []]
    for await (const name of inTurns(names)) {
      if (this.directory.isOwnName(name)) own.push(name)
      else others.push(name)
    }
    const byName = (a: string, b: string) => (a < b ? -1 : 1)
    return [await sortedInTurns(own, byName), await sortedInTurns(others, byName)]
  }

  /** What can be seen from here: a process of this machine that has files in the directory. */
  private async refuseLive(from: string, names: Iterable<string>): Promise<void> {
    const logs = await this.takeover.pidsIn(logFolderIn(from))
    const running = logs.find((pid) => this.isRunning(pid))
    if (running !== undefined) throw new Error(livesIn(from, running))
    for await (const name of inTurns(names)) {
      const pid = this.directory.ownerHere(name)
      if (pid !== undefined && this.isRunning(pid)) throw new Error(livesIn(from, pid))
    }
  }

  private async adoptOne(arrival: Arrival, name: string, begun: string | undefined): Promise<Fate> {
    try {
      const head = await readHead(this.disk, begun ?? join(arrival.from, name))
      if (typeof head === 'string') {
        // What another plugin or Haraka itself queued is none of our business.
        return this.directory.isOwnName(name) ? this.refuse(name, head) : 'passed'
      }
      if (this.scheduler.has(head.mid)) return this.refuse(name, `${head.mid} is in the queue`)
      return await this.bringIn(arrival, name, begun, head)
    } catch (error) {
      const code = errorCode(error)
      const isOthers = NO_FILE.has(code) && !this.directory.isOwnName(name)
      // ENOENT: another one took it.
      if (code === 'ENOENT' || isOthers) return 'passed'
      return this.refuse(name, diskErrorText(error))
    }
  }

  private async bringIn(
    arrival: Arrival,
    name: string,
    begun: string | undefined,
    head: QueueFileHead,
  ): Promise<Fate> {
    const filename = this.directory.adoptedName(name)
    // Haraka may find the file at any moment, and must not get it sent as well.
    this.scheduler.reserve(head.mid)
    try {
      if ((await this.room.lack()) !== undefined) {
        this.scheduler.unreserve(head.mid)
        return 'left'
      }
      await arrival.move(name, begun, this.directory.pathOf(filename))
    } catch (error) {
      this.scheduler.unreserve(head.mid)
      throw error
    }
    this.bring(arrival.from, filename, head)
    return 'adopted'
  }

  private bring(from: string, filename: string, head: QueueFileHead): void {
    const copy = this.loader.copyOf(filename, head)
    const { mid, messageId, recipient: intake } = copy
    this.report({ kind: 'adopted', mid, messageId, intake, from })
    this.scheduler.lease(copy)
    this.scheduler.schedule(copy)
  }

  private refuse(file: string, why: string): Fate {
    this.report({ kind: 'not-adopted', file, why })
    return 'refused'
  }
}

function livesIn(path: string, pid: number): string {
  return (
    `${path} has files of process ${pid}, which runs: end that server first, or, when the ` +
    'number is another process, use --force'
  )
}

function unreadable(path: string, cause: unknown): string {
  return `${path} is no directory that can be read (${errorCode(cause) ?? String(cause)})`
}
