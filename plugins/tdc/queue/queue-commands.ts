import { inTurns, sortedInTurns } from '../base/in-turns'
import type { Report } from '../monitor/events'
import type { Entry } from './entry'
import type { Holds } from './holds'
import { queuedCopy, type QueuedCopy } from './queued-copy'
import type { Scheduler } from './scheduler'

/** Copies that something is done with in one turn: each has its pool look whom to send what. */
const WORKED_AT_ONCE = 10

/** What people see of the copies of one process, and do to them by hand. */
export class QueueCommands {
  private readonly scheduler: Scheduler
  private readonly holds: Holds
  private readonly report: Report

  constructor(deps: { scheduler: Scheduler; holds: Holds; report: Report }) {
    this.scheduler = deps.scheduler
    this.holds = deps.holds
    this.report = deps.report
  }

  /** What waits for its retry has it now; returns how many did. */
  flush(): Promise<number> {
    return this.each((entry) => this.scheduler.hasten(entry))
  }

  /**
   * Nothing is handed to the courier any more, or nothing for one domain; what is on its way already
   * is finished. Held copies do not age: an outage that somebody ended by hand must not end them.
   * Returns how many are held; rejects when `domain` is not one.
   */
  async hold(domain?: string): Promise<number> {
    const stored = this.holds.hold(domain)
    await this.each((entry) => {
      const isHeld = this.holds.isHeld(entry.copy.domain)
      if (isHeld) this.scheduler.pause(entry)
      return isHeld
    })
    const { held } = this.scheduler.stats
    this.report({ kind: 'held', domain, copies: held })
    await stored
    return held
  }

  /** Held copies go out, each with its whole time again, as after a restart; returns how many. */
  async release(domain?: string): Promise<number> {
    const stored = this.holds.release(domain)
    const released = await this.each((entry) => this.scheduler.resume(entry))
    this.report({ kind: 'released', domain, copies: released })
    await stored
    return released
  }

  /** Ends a copy unsent; false: it is not here, its original is not queued yet, or it ends anyway. */
  drop(mid: string): boolean {
    return this.scheduler.drop(mid)
  }

  /** The oldest first, or in the order that is given. */
  async list(
    limit: number,
    isWanted: (copy: QueuedCopy) => boolean = () => true,
    order?: (a: QueuedCopy, b: QueuedCopy) => number,
  ): Promise<QueuedCopy[]> {
    const listed: QueuedCopy[] = []
    for await (const entry of inTurns(this.scheduler.entries())) {
      if (!order && listed.length === limit) break
      const copy = this.shown(entry)
      if (isWanted(copy)) listed.push(copy)
    }
    return order ? (await sortedInTurns(listed, order)).slice(0, limit) : listed
  }

  find(mid: string): QueuedCopy | undefined {
    const entry = this.scheduler.find(mid)
    return entry && this.shown(entry)
  }

  /** For how many it was true. */
  private async each(work: (entry: Entry) => boolean): Promise<number> {
    let count = 0
    for await (const entry of inTurns(this.scheduler.entries(), WORKED_AT_ONCE)) {
      if (work(entry)) count++
    }
    return count
  }

  private shown(entry: Entry): QueuedCopy {
    return queuedCopy(entry, this.scheduler.age(entry.copy))
  }
}
