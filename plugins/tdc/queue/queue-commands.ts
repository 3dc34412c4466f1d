import type { Report } from '../monitor/events'
import type { Entry } from './entry'
import type { Holds } from './holds'
import { queuedCopy, type QueuedCopy } from './queued-copy'
import type { Scheduler } from './scheduler'

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
  flush(): number {
    return this.scheduler.all.filter((entry) => this.scheduler.hasten(entry)).length
  }

  /**
   * Nothing is handed to the courier any more, or nothing for one domain; what is on its way already
   * is finished. Held copies do not age: an outage that somebody ended by hand must not end them.
   * Returns how many are held; rejects when `domain` is not one.
   */
  async hold(domain?: string): Promise<number> {
    const stored = this.holds.hold(domain)
    for (const entry of this.scheduler.all) {
      if (this.holds.isHeld(entry.copy.domain)) this.scheduler.pause(entry)
    }
    const { held } = this.scheduler.stats
    this.report({ kind: 'held', domain, copies: held })
    await stored
    return held
  }

  /** Held copies go out, each with its whole time again, as after a restart; returns how many. */
  async release(domain?: string): Promise<number> {
    const stored = this.holds.release(domain)
    const released = this.scheduler.all.filter((entry) => this.scheduler.resume(entry)).length
    this.report({ kind: 'released', domain, copies: released })
    await stored
    return released
  }

  /** Ends a copy unsent; false: it is not here, its original is not queued yet, or it ends anyway. */
  drop(mid: string): boolean {
    return this.scheduler.drop(mid)
  }

  /** The oldest first. */
  list(limit: number): QueuedCopy[] {
    return this.scheduler.all.slice(0, limit).map((entry) => this.shown(entry))
  }

  find(mid: string): QueuedCopy | undefined {
    const entry = this.scheduler.find(mid)
    return entry && this.shown(entry)
  }

  private shown(entry: Entry): QueuedCopy {
    return queuedCopy(entry, this.scheduler.age(entry.copy))
  }
}
