import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../plugins/tdc/clock'
import type { Outcome } from '../../plugins/tdc/smtp/outcome'
import type { Outgoing } from '../../plugins/tdc/smtp/outgoing'
import type { Outbound } from '../../plugins/tdc/haraka/contract'
import { QueueDirectory } from '../../plugins/tdc/haraka/queue-directory'
import type { Report, TdcEvent } from '../../plugins/tdc/monitor/events'
import { Copy } from '../../plugins/tdc/queue/copy'
import type { CopyNotes } from '../../plugins/tdc/queue/copy-notes'
import type { CopyRecord } from '../../plugins/tdc/queue/copy-store'
import { QueueCopyFiles } from '../../plugins/tdc/queue/copy-files'
import { systemDisk, type Disk } from '../../plugins/tdc/queue/disk'
import { DirectorySync } from '../../plugins/tdc/queue/directory-sync'
import { Holds } from '../../plugins/tdc/queue/holds'
import { KeptCopies } from '../../plugins/tdc/queue/kept-copies'
import { LogTakeover } from '../../plugins/tdc/queue/log/takeover'
import { MemoryBudget } from '../../plugins/tdc/queue/memory-budget'
import { QueueCommands } from '../../plugins/tdc/queue/queue-commands'
import { AutoReplay, Taken } from '../../plugins/tdc/queue/auto-replay'
import { Replay } from '../../plugins/tdc/queue/replay'
import { Scheduler } from '../../plugins/tdc/queue/scheduler'
import { Spool } from '../../plugins/tdc/queue/spool'
import type { FailedSettings } from '../../plugins/tdc/settings/settings'
import { FakeClock } from './fake-clock'

/** Haraka's own queue-file names and heads, on a directory of the test. */
export function queueDirectory(path: string): QueueDirectory {
  const haraka = outbound()
  return new QueueDirectory({ ...haraka, stats: () => ({ queue_dir: path }) })
}

/** Haraka's outbound keeps timers of its own; without a queue directory it loads nothing. */
export function outbound(): Outbound {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return require('haraka/outbound') as Outbound
}

/** For whom every time is over at once. */
const IMPATIENT: Clock = {
  ...systemClock,
  after(_, then) {
    const turn = setImmediate(then)
    return { cancel: () => clearImmediate(turn) }
  },
}

/** A queue that always has room. */
export const ROOMY = { lack: () => Promise.resolve(undefined) }

export const NOTES: CopyNotes = {
  v: 1,
  intake: 'intake@scan.example',
  reversePath: '',
  messageId: '<1@sender.example>',
  size: 100,
  octets: 100,
  eightBit: false,
  smtputf8: false,
}

/** A queue on a temporary directory, with a courier that answers when the test says so. */
export class TestQueue {
  readonly clock = new FakeClock()
  readonly events: TdcEvent[] = []
  readonly directory: QueueDirectory
  readonly memory = new MemoryBudget(1_000_000)
  readonly courier = new ScriptedCourier()
  readonly announced: string[] = []
  readonly taken = new Taken()
  readonly copyFiles: QueueCopyFiles
  readonly scheduler: Scheduler
  readonly commands: QueueCommands
  readonly kept: KeptCopies
  readonly holds: Holds
  maxCopies = 1000
  options = { maxAge: 120_000, retryDelay: 30_000 }
  keep: FailedSettings = {
    keep: false,
    replay: 'off',
    keepNumber: 1000,
    keepBytes: 2 ** 20,
    keepAge: 604_800_000,
  }

  /** Those of the settings. */
  intakes: readonly { readonly address: string }[] = [{ address: 'intake@scan.example' }]

  readonly disk: Disk
  /** Disk operations that have begun and not ended. */
  private working = 0

  /** With the `path` of another one it is a second process. */
  constructor(
    disk: Disk = systemDisk,
    readonly path: string = mkdtempSync(join(tmpdir(), 'tdc-queue-')),
  ) {
    this.directory = queueDirectory(path)
    this.disk = this.counting(disk)
    const { clock, memory, directory } = this
    const report = (event: TdcEvent) => void this.events.push(event)
    const announce = async (copy: Copy) => {
      this.taken.note(copy)
      this.announced.push(copy.mid)
    }
    this.kept = this.keptCopies()
    this.holds = new Holds({ directory, disk: this.disk, report })
    const { kept } = this
    const own = {
      directory,
      disk: this.disk,
      clock,
      memory,
      report,
      announce,
      kept,
      write: this.write,
    }
    this.copyFiles = new QueueCopyFiles(own)
    this.scheduler = new Scheduler({
      courierOf: () => this.courier,
      files: this.copyFiles,
      clock,
      report,
      options: () => this.options,
      holds: this.holds,
    })
    const { scheduler, holds } = this
    this.commands = new QueueCommands({ scheduler, holds, report })
  }

  /** A copy as its queue file would be. */
  record(mid: string, intake = NOTES.intake): CopyRecord & { readonly start: number } {
    const head = this.directory.head({ mid, intake, notes: { ...NOTES, intake } })
    const content = Buffer.concat([head, Buffer.from('x\r\n'.padStart(NOTES.octets, mid))])
    return { name: this.directory.newFile().name, content, start: head.length }
  }

  /** A copy with its file in the queue directory. */
  copy(mid = 'T.1.tdc1', intake = NOTES.intake): Copy {
    const { name, path } = this.directory.newFile()
    const notes = { ...NOTES, intake }
    const head = this.directory.head({ mid, intake, notes })
    writeFileSync(path, Buffer.concat([head, Buffer.from('x\r\n'.padStart(NOTES.octets, 'x'))]))
    const place = { filename: name, folder: this.path, start: head.length }
    return new Copy(mid, notes, place, this.clock.monotonic())
  }

  /** The kept copies as this process sees them, or another one. */
  keptCopies(report: Report = (event) => void this.events.push(event)): KeptCopies {
    const { directory, disk, clock } = this
    return new KeptCopies({ directory, disk, clock, report, settings: () => this.keep })
  }

  /** Sends what an outage left again, as a process that delivers. */
  autoReplay(): AutoReplay {
    const { kept, disk, clock } = this
    return new AutoReplay({
      taken: this.taken,
      kept,
      replay: this.replay(),
      disk,
      clock,
      report: (event) => void this.events.push(event),
      settings: () => ({ failed: this.keep, intakes: this.intakes }),
      delivers: () => true,
    })
  }

  /** Takes over what other processes left in their logs. */
  takeover(pid = process.pid): LogTakeover {
    const { directory, disk, scheduler } = this
    return new LogTakeover({
      ...{ directory, disk, pid, write: this.write, clock: IMPATIENT },
      report: (event) => void this.events.push(event),
      has: (mid) => scheduler.has(mid),
    })
  }

  /** A queue file of what has none. */
  readonly write = ({ name, content }: CopyRecord): Promise<unknown> => {
    const { directory, disk } = this
    const spool = new Spool(directory, disk, new DirectorySync(disk, directory.path))
    return spool.writeWhole(content, new AbortController().signal, directory.fileNamed(name))
  }

  replay(): Replay {
    const { kept, directory, disk, clock, scheduler } = this
    const report = (event: TdcEvent) => void this.events.push(event)
    const maxCopies = () => this.maxCopies
    return new Replay({ kept, directory, disk, clock, scheduler, report, maxCopies })
  }

  /** Kinds of the events so far, in order, and forgets them. */
  told(): string[] {
    return this.events.splice(0).map(({ kind }) => kind)
  }

  get files(): string[] {
    return readdirSync(this.path)
  }

  content(name: string): Buffer {
    return readFileSync(join(this.path, name))
  }

  /** Waits until no file work is left, for so many turns: it is real, also when the clock is not. */
  async idle(turns = 5): Promise<void> {
    for (let quiet = 0; quiet < turns; quiet = this.working > 0 ? 0 : quiet + 1) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  private counting(disk: Disk): Disk {
    const counted = async <T>(work: Promise<T>): Promise<T> => {
      this.working++
      return work.finally(() => this.working--)
    }
    return {
      create: (path) => counted(disk.create(path)),
      rename: (from, to) => counted(disk.rename(from, to)),
      unlink: (path) => counted(disk.unlink(path)),
      unlinkNow: (path) => disk.unlinkNow(path),
      removeFolderNow: (path) => disk.removeFolderNow(path),
      giveAway: (path) => counted(disk.giveAway(path)),
      exists: (path) => counted(disk.exists(path)),
      readStart: (path, most) => counted(disk.readStart(path, most)),
      readPart: (path, position, most) => counted(disk.readPart(path, position, most)),
      sizeOf: (path) => counted(disk.sizeOf(path)),
      realPath: (path) => counted(disk.realPath(path)),
      visit: (path, seen) => counted(disk.visit(path, seen)),
      makeFolder: (path) => counted(disk.makeFolder(path)),
      isOpen: (path) => counted(disk.isOpen(path)),
      free: (path) => counted(disk.free(path)),
      syncDirectory: (path) => counted(disk.syncDirectory(path)),
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

type Settle = (outcome: Outcome, message: Outgoing) => void

/** Takes what it is given and answers when told. */
export class ScriptedCourier {
  private readonly pending = new Map<Outgoing, Settle>()
  submissions = 0

  submit(message: Outgoing, settle: Settle): void {
    this.submissions++
    this.pending.set(message, settle)
  }

  abort(message: Outgoing): void {
    this.answer({ kind: 'aborted', dcid: 0 }, message)
  }

  /** Messages that are on their way, and cannot be recalled. */
  readonly flying = new Set<Outgoing>()

  recall(message: Outgoing): boolean {
    return !this.flying.has(message) && this.pending.delete(message)
  }

  /** Ends the only message that is here, or the one named. */
  answer(outcome: Outcome, message = [...this.pending.keys()][0]): void {
    assert(message, 'no message is with the courier')
    const settle = this.pending.get(message)
    this.pending.delete(message)
    settle?.(outcome, message)
  }

  get held(): Outgoing[] {
    return [...this.pending.keys()]
  }

  get holding(): number {
    return this.pending.size
  }
}
