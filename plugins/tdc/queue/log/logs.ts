import type { Clock } from '../../clock'
import type { QueueDirectory } from '../../haraka/queue-directory'
import type { Report } from '../../monitor/events'
import { mistakeIn } from '../../monitor/mistake'
import type { CopyRecord, CopyStore, InStore } from '../copy-store'
import type { DirectorySync } from '../directory-sync'
import type { Disk } from '../disk'
import type { MemoryBudget } from '../memory-budget'
import { Spool } from '../spool'
import { CopyLog } from './copy-log'
import { type Bring, LogTakeover } from './takeover'

/**
 * Milliseconds that a start has for it, and for what is under way then: Haraka ends when a hook of its start runs
 * out of time, 30 s.
 */
const [LONGEST_START, LONGEST_END] = [20_000, 5_000]

/** The log of this process, and what other processes left in theirs. */
export class Logs {
  readonly spool: Spool
  readonly takeover: LogTakeover
  /** A queue file of what has none, durably, under its name. */
  readonly write: (record: CopyRecord) => Promise<unknown>
  private readonly log: CopyLog
  private readonly isWanted: () => boolean
  private readonly clock: Clock
  private readonly report: Report
  private isClosing = false

  /** `isWanted`: copies go to the log now. `has`: the copies of this process. */
  constructor(deps: {
    directory: QueueDirectory
    disk: Disk
    directorySync: DirectorySync
    clock: Clock
    memory: MemoryBudget
    report: Report
    pid: number
    isWanted: () => boolean
    /** What goes before it; undefined: nothing does now. */
    shared?: (octets: number) => CopyStore | undefined
    has: (mid: string) => boolean
  }) {
    const { directory, disk, clock, report, memory } = deps
    const newFolder = () => directory.newLogFolder()
    const log = new CopyLog({ disk, clock, report, newFolder })
    // Copies in the log are in memory too.
    const own = (octets: number) =>
      this.isWanted() && !this.isClosing && memory.has(octets + log.waitingOctets) ? log : undefined
    const store = (octets: number) => deps.shared?.(octets) ?? own(octets)
    const spool = new Spool(directory, disk, deps.directorySync, store)
    const { signal } = new AbortController()
    this.write = ({ name, content }) => spool.writeWhole(content, signal, directory.fileNamed(name))
    this.takeover = new LogTakeover({ ...deps, write: this.write })
    this.log = log
    this.isWanted = deps.isWanted
    this.spool = spool
    this.clock = deps.clock
    this.report = report
  }

  /**
   * Before Haraka loads the queue, queue files of all that others left. What there is no time for is free for who
   * looks for logs later: nobody would load its files. Never rejects.
   */
  async takeAll(): Promise<void> {
    const giveUp = new AbortController()
    const late = new Promise<void>((resolve) => {
      this.clock.after(LONGEST_START, () => {
        giveUp.abort(new Error('a start has no more time for them; they go on within a minute'))
        this.clock.after(LONGEST_END, resolve)
      })
    })
    await Promise.race([this.takeover.takeAll(this.log.ownName, giveUp.signal), late])
  }

  /** Brings in, from now on, what processes leave that end; `workers` tells the master of them. */
  follow(
    loader: { bring: Bring },
    delivers: () => boolean,
    workers: (ended: (pid: number) => void) => void,
  ): void {
    workers((pid) => this.takeover.free(pid))
    this.takeover.watch((name, head) => loader.bring(name, head), delivers)
  }

  /** This process takes mail: its first segment is there before the first copy. */
  begin(): void {
    if (!this.isWanted()) return
    // The first copy tries again, and says why not.
    this.log.makeReady().catch(() => {})
  }

  /** From now on each copy has its queue file; `fileAll` gives those theirs that have none. */
  close(fileAll: () => Promise<void>): void {
    this.isClosing = true
    fileAll().catch(mistakeIn('the log', this.report))
  }

  /** The process ends, and these copies have. */
  end(ended: readonly InStore[]): void {
    this.log.endNow(ended.flatMap(({ store, copy }) => (store === this.log ? copy : [])))
  }
}
