import type { Clock } from '../clock'
import type { Taker } from '../smtp/outcome'
import type { Internals } from '../haraka/contract'
import { announceDelivered, isDeliveryHeard } from '../haraka/loaded-item'
import type { QueueDirectory } from '../haraka/queue-directory'
import type { Report } from '../monitor/events'
import { mistakeIn } from '../monitor/mistake'
import type { Copy } from './copy'
import { errorCode } from '../base/error-code'
import type { CopyRecord, InStore } from './copy-store'
import type { Disk } from './disk'
import { FewAtOnce } from './few-at-once'
import { diskErrorText } from './disk-error'
import { Lingering } from './lingering'
import type { KeptCopies } from './kept-copies'
import type { GivenUp } from './kept-name'
import type { MemoryBudget } from './memory-budget'

/** What happens to the queue file at the end of an attempt. */
export interface CopyFiles {
  /** Removes the file; false when it cannot be removed. */
  remove(copy: Copy): Promise<boolean>
  /** The same for a copy whose original nobody gets: what only the log has, no crash brings back. */
  withdraw(copy: Copy): Promise<boolean>
  /** The end of a copy that failed: its file is kept or removed; false when it can be neither. */
  giveUp(copy: Copy, how: GivenUp): Promise<boolean>
  /** Renames the file so that a restart knows of the attempt and the moment of the next. */
  postpone(copy: Copy, delay: number): Promise<void>
  /** Lets other plugins' `delivered` hooks know. */
  announce(copy: Copy, response: string, taker: Taker | undefined): Promise<void>
  exists(copy: Copy): Promise<boolean>
  /** Resolves when nothing is being done to the file any more. */
  settled(copy: Copy): Promise<void>
}

/** Tells other plugins that a copy went out, when any of them wants to know: they read its file. */
export interface Announce {
  (copy: Copy, response: string, taker: Taker | undefined): Promise<void>
  readonly isHeard?: () => boolean
}

/**
 * Files of failed copies that the disk is asked for at a time: all copies of an outage fail together,
 * and other mail has no more than four threads for the disk either.
 */
const FAILED_AT_ONCE = 2

/**
 * The queue files of copies that are being delivered. Nothing here rejects: a disk that fails now
 * must not stop the delivery, what it leaves behind is said in the log.
 */
export class QueueCopyFiles implements CopyFiles {
  private readonly directory: QueueDirectory
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly memory: MemoryBudget
  private readonly report: Report
  private readonly tellOthers: Announce
  private readonly kept: KeptCopies
  private readonly write: (record: CopyRecord) => Promise<unknown>
  readonly lingering: Lingering
  private isDiskTold = false
  /** A file is renamed and removed by one at a time, or a rename would bring back a removed one. */
  private readonly pending = new WeakMap<Copy, Promise<unknown>>()
  private readonly failed = new FewAtOnce(FAILED_AT_ONCE)
  /** Done with, and their files not yet gone. */
  private readonly leaving = new Set<Copy>()

  constructor(deps: {
    directory: QueueDirectory
    disk: Disk
    clock: Clock
    memory: MemoryBudget
    report: Report
    announce: Announce
    kept: KeptCopies
    /** A queue file of a copy that a store has, durably, under its name. */
    write: (record: CopyRecord) => Promise<unknown>
  }) {
    this.directory = deps.directory
    this.disk = deps.disk
    this.clock = deps.clock
    this.memory = deps.memory
    this.report = deps.report
    this.tellOthers = deps.announce
    this.kept = deps.kept
    this.write = deps.write
    this.lingering = new Lingering(
      deps.clock,
      (copy) => this.fileNow(copy),
      mistakeIn('a copy that stays', deps.report),
    )
  }

  remove(copy: Copy): Promise<boolean> {
    this.leaving.add(copy)
    this.forget(copy)
    return this.inTurn(copy, () => this.unlink(copy))
  }

  withdraw(copy: Copy): Promise<boolean> {
    this.leaving.add(copy)
    this.forget(copy)
    return this.inTurn(copy, () => this.unlink(copy, 'durably'))
  }

  giveUp(copy: Copy, how: GivenUp): Promise<boolean> {
    this.forget(copy)
    const keep = async () =>
      this.kept.isKeeping && (await this.file(copy)) && this.kept.keep(copy, how)
    const keepOrRemove = async () => (await keep()) || this.unlink(copy)
    return this.inTurn(copy, () => this.failed.run(keepOrRemove))
  }

  postpone(copy: Copy, delay: number): Promise<void> {
    const rename = async () => {
      const { stored, failedAttempts } = copy
      if (stored?.store.shared) return stored.store.shared.note(stored.copy, failedAttempts)
      if (!(await this.file(copy))) return
      const next = this.clock.wall() + delay
      const filename = this.directory.retryName(copy.place.filename, next, copy.failedAttempts)
      const path = this.directory.pathOf(filename)
      try {
        await this.disk.rename(copy.path, path)
        copy.place = { ...copy.place, filename }
      } catch {
        // The retry goes on under the old name; a restart would try once more than it should.
      }
    }
    return this.inTurn(copy, () => this.failed.run(rename))
  }

  /** It gets its queue file, unless it has ended; false: that cannot be written now. */
  fileNow(copy: Copy): Promise<boolean> {
    return this.inTurn(copy, async () => this.leaving.has(copy) || this.file(copy))
  }

  announce(copy: Copy, response: string, taker: Taker | undefined): Promise<void> {
    this.leaving.add(copy)
    const tell = async () => {
      if (this.tellOthers.isHeard?.()) await this.file(copy)
      await this.tellOthers(copy, response, taker).catch(() => {})
    }
    return this.inTurn(copy, tell)
  }

  exists(copy: Copy): Promise<boolean> {
    const look = async () => {
      const { stored, path } = copy
      if (stored) return isStillIn(stored)
      return this.disk.exists(path)
    }
    return this.inTurn(copy, () => this.failed.run(look))
  }

  settled(copy: Copy): Promise<void> {
    return this.inTurn(copy, () => Promise.resolve())
  }

  /**
   * The process ends, in order or not: what the intake has taken must not be sent again by the next
   * one. Nothing else can be done in that moment, and nothing is waited for.
   */
  removeNow(): void {
    for (const { path, stored } of this.leaving) {
      try {
        if (!stored) this.disk.unlinkNow(path)
      } catch {
        // It is gone, or the disk does not work: one copy too many is allowed.
      }
    }
  }

  /** What has ended, and a store has. */
  get leavingStored(): InStore[] {
    return [...this.leaving].flatMap(({ stored }) => stored ?? [])
  }

  /** It has its queue file from now on; false: that cannot be written now. */
  private async file(copy: Copy): Promise<boolean> {
    const { stored, mid } = copy
    if (!stored) return true
    try {
      await this.write(await recordOf(stored))
    } catch (error) {
      const why = diskErrorText(error)
      const text = `MID ${mid} stays where it is, as its queue file cannot be written: ${why}`
      if (!this.isDiskTold) this.report({ kind: 'problem', text })
      this.isDiskTold = true
      return false
    }
    this.isDiskTold = false
    copy.stored = undefined
    await stored.store.end(stored.copy)
    return true
  }

  private forget(copy: Copy): void {
    this.lingering.delete(copy)
    this.memory.give(copy.held)
    copy.release()
  }

  private async unlink(copy: Copy, durably?: 'durably'): Promise<boolean> {
    const {
      mid,
      path,
      stored,
      place: { filename: file },
    } = copy
    if (stored) {
      await stored.store.end(stored.copy, durably)
      copy.stored = undefined
      this.leaving.delete(copy)
      return true
    }
    try {
      await this.disk.unlink(path)
      this.leaving.delete(copy)
      return true
    } catch (error) {
      if (errorCode(error) === 'ENOENT') {
        this.leaving.delete(copy)
        return true
      }
      this.report({ kind: 'unremovable', mid, file, why: diskErrorText(error) })
      return false
    }
  }

  private inTurn<T>(copy: Copy, work: () => Promise<T>): Promise<T> {
    const before = this.pending.get(copy) ?? Promise.resolve()
    const result = before.then(work, work)
    const ended = () => {
      if (this.pending.get(copy) === result) this.pending.delete(copy)
    }
    this.pending.set(copy, result)
    void result.then(ended, ended)
    return result
  }
}

/** Redis is asked: another machine may have ended it otherwise by now. */
async function isStillIn({ store: { shared }, copy }: InStore): Promise<boolean> {
  await shared?.confirm(copy)?.catch(() => {})
  return shared?.has(copy) ?? true
}

async function recordOf({ store, copy }: InStore): Promise<CopyRecord> {
  const { name } = copy
  const content = copy.content ?? (await store.shared?.read(copy))
  if (!content) throw new Error('its store has it no more')
  return { name, content }
}

/** Lets other plugins' `delivered` hooks know. */
export function announcer(internals: Internals): Announce {
  const announce: Announce = (copy, response, taker) =>
    announceDelivered(internals, {
      filename: copy.place.filename,
      path: copy.path,
      host: taker?.host ?? copy.domain,
      ip: taker?.address ?? '',
      port: taker?.port ?? 0,
      response,
    })
  return Object.assign(announce, { isHeard: () => isDeliveryHeard(internals) })
}
