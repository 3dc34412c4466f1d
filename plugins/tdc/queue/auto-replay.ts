import type { Clock, Timer } from '../clock'
import type { Report } from '../monitor/events'
import { mistakeIn } from '../monitor/mistake'
import type { FailedSettings } from '../settings/settings'
import type { Copy } from './copy'
import type { Announce } from './copy-files'
import type { Disk } from './disk'
import type { KeptCopies } from './kept-copies'
import type { KeptCopy } from './kept-name'
import type { Replay } from './replay'

/** Milliseconds from one look to the next. */
const LOOK_EVERY = 1_000

/** Milliseconds from one listing of the folder to the next: it may have twenty thousand names. */
const READ_EVERY = 10_000

/** For ten new copies that an intake took, so many old ones go to it as well. */
const OLD_FOR_TEN = 9

/** In one look at the most: the disk is the gateway's too. */
const MOST_IN_A_LOOK = 50

/** In one look where no new ones come: they may begin at any moment. */
const MOST_ALONE = 10

/** Milliseconds after which one is tried where nothing else tells whether the intake is back. */
const TRY_EVERY = 60_000

interface Backlog {
  /** The oldest first. */
  copies: readonly KeptCopy[]
  /** When the intake was last sent an old one, on the monotonic clock. */
  sent: number
}

/** Copies that an intake took: new ones, and replayed ones. */
interface Took {
  readonly fresh: number
  readonly again: number
}

/** What the intakes took, by domain, since it was last asked. */
export class Taken {
  private counts = new Map<string, Took>()

  note({ domain, isReplayed }: Copy): void {
    const { fresh, again } = this.counts.get(domain) ?? { fresh: 0, again: 0 }
    this.counts.set(domain, isReplayed ? { fresh, again: again + 1 } : { fresh: fresh + 1, again })
  }

  /** And forgets it. */
  sinceLast(): ReadonlyMap<string, Took> {
    const { counts } = this
    this.counts = new Map()
    return counts
  }
}

/** The same, with what it tells of counted. */
export function counting(taken: Taken, announce: Announce): Announce {
  const counted: Announce = (copy, response, taker) => {
    taken.note(copy)
    return announce(copy, response, taker)
  }
  return Object.assign(counted, announce)
}

/**
 * Sends the kept copies of an outage again when their intake takes copies: the oldest first, and fewer
 * than new ones, which go before. Each worker does so by the copies that it delivers; who renames a
 * file has the copy, so none goes twice.
 */
export class AutoReplay {
  /** By the intake's domain. */
  private readonly backlogs = new Map<string, Backlog>()
  /** Which intake's a file is stands in the file alone: address by name. */
  private intakes = new Map<string, string>()
  /** Addresses that the settings no longer have, as the log was told of them. */
  private told = ''
  private readAt = -Infinity
  /** Files that could not be sent again: told once. */
  private refused = new Set<string>()
  private timer: Timer | undefined
  private isLooking = false
  private isOver = false

  constructor(
    private readonly deps: {
      readonly taken: Taken
      readonly kept: KeptCopies
      readonly replay: Replay
      readonly disk: Disk
      readonly clock: Clock
      readonly report: Report
      readonly settings: () => {
        readonly failed: FailedSettings
        readonly intakes: readonly { readonly address: string }[]
      }
      /** False in a master, whose workers deliver. */
      readonly delivers: () => boolean
    },
  ) {}

  /** At a start, and when the settings have changed. */
  follow(): void {
    if (this.isOn) return this.wait()
    this.timer?.cancel()
    this.timer = undefined
    this.backlogs.clear()
    this.intakes.clear()
  }

  /** The server drains; what is kept stays. */
  stop(): void {
    this.isOver = true
    this.follow()
  }

  private get isOn(): boolean {
    const { keep, replay } = this.deps.settings().failed
    return !this.isOver && keep && replay === 'auto' && this.deps.delivers()
  }

  private wait(): void {
    if (this.isLooking) return
    this.timer ??= this.deps.clock.after(LOOK_EVERY, () => {
      this.isLooking = true
      const again = () => {
        this.isLooking = false
        this.timer = undefined
        this.follow()
      }
      const mistake = mistakeIn('the replay of kept copies', this.deps.report)
      this.look().catch(mistake).then(again, again)
    })
  }

  private async look(): Promise<void> {
    if (!this.isOn) return
    const now = this.deps.clock.monotonic()
    if (now - this.readAt >= READ_EVERY) await this.read(now)
    const taken = this.deps.taken.sinceLast()
    for (const [domain, backlog] of this.backlogs) {
      let due = dueOf(backlog, taken.get(domain), now)
      if (due > 0) backlog.sent = now
      while (due > 0 && backlog.copies[0]) {
        const [copy, ...others] = backlog.copies as [KeptCopy, ...KeptCopy[]]
        backlog.copies = others
        const fate = await this.deps.replay.one(copy)
        if (fate === 'left') break
        if (fate === 'refused') this.refused.add(copy.file)
        if (fate === 'replayed') due--
      }
      if (backlog.copies.length === 0) this.backlogs.delete(domain)
    }
  }

  private async read(now: number): Promise<void> {
    this.readAt = now
    const all = await this.deps.kept.list()
    const outages = all.filter(({ outage, file }) => outage && !this.refused.has(file))
    this.refused = new Set(all.map(({ file }) => file).filter((file) => this.refused.has(file)))
    const known = new Set(this.deps.settings().intakes.map(({ address }) => address.toLowerCase()))
    const intakes = new Map<string, string>()
    const found = new Map<string, KeptCopy[]>()
    const strangers = new Map<string, number>()
    for (const copy of outages) {
      const intake = this.intakes.get(copy.file) ?? (await this.deps.kept.intakeOf(copy))
      if (intake === null) continue
      intakes.set(copy.file, intake)
      if (known.has(intake.toLowerCase())) append(found, domainOf(intake), copy)
      else strangers.set(intake, (strangers.get(intake) ?? 0) + 1)
    }
    this.intakes = intakes
    this.tell(strangers)
    // What no setting sends there any more stays, also when its turn had come.
    for (const domain of this.backlogs.keys()) if (!found.has(domain)) this.backlogs.delete(domain)
    for (const [domain, copies] of found) {
      this.backlogs.set(domain, { copies, sent: this.backlogs.get(domain)?.sent ?? now })
    }
  }

  /** Mail goes to nobody by itself whom the settings do not name; once for the same addresses. */
  private tell(strangers: ReadonlyMap<string, number>): void {
    const intakes = [...strangers.keys()].sort()
    const told = intakes.join(' ')
    if (told === this.told) return
    this.told = told
    if (intakes.length === 0) return
    const copies = [...strangers.values()].reduce((sum, count) => sum + count, 0)
    this.deps.report({ kind: 'kept-for-others', intakes, copies })
  }
}

function append<T>(lists: Map<string, T[]>, name: string, item: T): void {
  const list = lists.get(name)
  if (list) list.push(item)
  else lists.set(name, [item])
}

function domainOf(intake: string): string {
  return intake.slice(intake.lastIndexOf('@') + 1)
}

/** Fewer than new ones; where there are none, twice what it took of the last. */
function dueOf({ sent }: Backlog, taken: Took | undefined, now: number): number {
  if (!taken) return now - sent >= TRY_EVERY ? 1 : 0
  const { fresh, again } = taken
  if (fresh === 0) return Math.min(MOST_ALONE, 2 * again)
  return Math.min(MOST_IN_A_LOOK, Math.max(1, Math.floor((fresh * OLD_FOR_TEN) / 10)))
}
