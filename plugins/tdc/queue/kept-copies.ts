import { inTurns, sortedInTurns } from '../base/in-turns'
import type { Clock, Timer } from '../clock'
import { errorCode } from '../base/error-code'
import type { QueueDirectory } from '../haraka/queue-directory'
import type { Report } from '../monitor/events'
import { mistakeIn } from '../monitor/mistake'
import type { FailedSettings } from '../settings/settings'
import type { Copy } from './copy'
import type { Disk } from './disk'
import { diskErrorText } from './disk-error'
import { beyondBounds, byAge } from './kept-bounds'
import { type GivenUp, keptName, type KeptCopy, parseKeptName } from './kept-name'
import { readHead } from './queue-file'

/** Milliseconds between a copy that is kept and the look at the bounds: one look for all of a burst. */
const SWEEP_DELAY = 1_000

/** Milliseconds that the number of kept copies is taken as it was last seen. */
const FIGURES_FOR = 5_000

/** How many copies are kept, and their octets. */
interface KeptFigures {
  readonly count: number
  readonly bytes: number
}

/** A longer timer is set in steps: Node's end at 24 days, and clocks are set. */
const LONGEST_WAIT = 3_600_000

/**
 * The copies that were given up, in a folder that all processes of the machine share. Its file names
 * are the only index, and a rename or an unlink the only lock: what one process takes out is gone
 * for the others.
 */
export class KeptCopies {
  private readonly directory: QueueDirectory
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly report: Report
  private readonly settings: () => FailedSettings
  private next: { readonly due: number; readonly timer: Timer } | undefined
  private known: KeptFigures = { count: 0, bytes: 0 }
  private figuresAt = -Infinity
  private sweeping: Promise<void> = Promise.resolve()
  /** Files whose time lies in the future -> when that was seen, on the monotonic clock. */
  private ahead: ReadonlyMap<string, number> = new Map()

  constructor(deps: {
    directory: QueueDirectory
    disk: Disk
    clock: Clock
    report: Report
    settings: () => FailedSettings
  }) {
    this.directory = deps.directory
    this.disk = deps.disk
    this.clock = deps.clock
    this.report = deps.report
    this.settings = deps.settings
  }

  /**
   * Looks at the bounds now, and again whenever a copy is old enough to be dropped: at start, for what
   * an earlier process kept, and when the settings have changed.
   */
  holdBounds(): void {
    this.sweepIn(0)
  }

  /** Whether copies that are given up are kept. */
  get isKeeping(): boolean {
    return this.settings().keep
  }

  /** Takes a copy that was given up out of the queue; false when it is to be removed. */
  async keep(copy: Copy, { cause, outage }: GivenUp): Promise<boolean> {
    const { keep, replay } = this.settings()
    if (!keep) return false
    const { mid, fileSize: bytes, recipient: intake } = copy
    // Its time goes on when it was sent again in vain.
    const at = copy.place.givenUpAt ?? this.clock.wall()
    const name = { at, bytes, cause, mid }
    const file = keptName({ ...name, outage: outage && replay === 'auto' })
    try {
      await this.moveIn(copy.path, this.pathOf(file))
    } catch (error) {
      this.report({ kind: 'not-kept', mid, why: diskErrorText(error) })
      return false
    }
    this.countOne(1, bytes)
    this.report({ kind: 'kept', mid, intake })
    this.sweepIn(SWEEP_DELAY)
    return true
  }

  /** The oldest first. */
  async list(): Promise<KeptCopy[]> {
    const kept: KeptCopy[] = []
    await this.look((copy) => kept.push(copy))
    return sortedInTurns(kept, byAge)
  }

  private async look(seen?: (copy: KeptCopy) => void): Promise<void> {
    this.figuresAt = this.clock.monotonic()
    let [count, octets] = [0, 0]
    await this.visit((copy) => {
      count += 1
      octets += copy.bytes
      seen?.(copy)
    })
    this.known = { count, bytes: octets }
  }

  /** How many there are: what other processes do with them is seen at the next look, soon. */
  get figures(): KeptFigures {
    if (this.clock.monotonic() - this.figuresAt >= FIGURES_FOR) this.look().catch(() => {})
    return this.known
  }

  /** It was taken out for a replay. */
  left(copy: Pick<KeptCopy, 'bytes'>): void {
    this.countOne(-1, copy.bytes)
  }

  private countOne(sign: 1 | -1, octets: number): void {
    const { count, bytes } = this.known
    this.known = { count: Math.max(0, count + sign), bytes: Math.max(0, bytes + sign * octets) }
  }

  /** The intake that it was queued for; null: its file is damaged, or gone. */
  async intakeOf({ file }: KeptCopy): Promise<string | null> {
    const head = await readHead(this.disk, this.pathOf(file)).catch(() => 'it is gone')
    return typeof head === 'string' ? null : head.notes.intake
  }

  /** The oldest of this MID. */
  async find(mid: string): Promise<KeptCopy | undefined> {
    let found: KeptCopy | undefined
    await this.visit((copy) => {
      if (copy.mid === mid && (!found || copy.at < found.at)) found = copy
    })
    return found
  }

  /** Removes a kept copy; false when it is not there (any more). */
  async drop({ file, mid }: KeptCopy): Promise<boolean> {
    return this.remove(file, mid, 'on request')
  }

  pathOf(file: string): string {
    return this.directory.keptPath(file)
  }

  private visit(seen: (copy: KeptCopy) => void): Promise<void> {
    return this.disk.visit(this.directory.keptFolder, (file) => {
      const copy = parseKeptName(file)
      if (copy) seen(copy)
    })
  }

  private async moveIn(from: string, to: string): Promise<void> {
    try {
      await this.disk.rename(from, to)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
      await this.disk.makeFolder(this.directory.keptFolder)
      await this.disk.rename(from, to)
    }
  }

  private sweepIn(wait: number): void {
    const due = this.clock.monotonic() + wait
    if (this.next && this.next.due <= due) return
    this.next?.timer.cancel()
    const timer = this.clock.after(wait, () => {
      this.next = undefined
      this.sweeping = this.sweeping
        .then(() => this.sweep())
        .catch(mistakeIn('the look at the kept copies', this.report))
    })
    this.next = { due, timer }
  }

  private async sweep(): Promise<void> {
    const kept = await this.list().catch(() => undefined)
    if (!kept) return this.sweepIn(LONGEST_WAIT)
    const bounds = this.settings()
    const { others, bytes } = await this.withoutLapsed(kept, bounds.keepAge)
    let dropped = 0
    for (const { copy, bound } of beyondBounds(others, bytes, bounds, this.clock.wall())) {
      await this.remove(copy.file, copy.mid, bound)
      dropped++
    }
    const oldest = others[dropped]
    if (!oldest) return
    const wait = oldest.at + bounds.keepAge - this.clock.wall()
    this.sweepIn(Math.min(Math.max(wait, SWEEP_DELAY), LONGEST_WAIT))
  }

  /**
   * Copies that were kept while the machine's clock was ahead would stay until it has caught up. Their
   * time counts from our first look. That is noted nowhere else: it may be now that the clock is wrong.
   */
  private async withoutLapsed(kept: readonly KeptCopy[], age: number) {
    const [wall, now] = [this.clock.wall(), this.clock.monotonic()]
    const others: KeptCopy[] = []
    const ahead = new Map<string, number>()
    let bytes = 0
    for await (const copy of inTurns(kept)) {
      const { file, mid } = copy
      const since = this.ahead.get(file) ?? now
      if (copy.at > wall) ahead.set(file, since)
      if (copy.at > wall && now - since >= age) {
        await this.remove(file, mid, 'keep_age')
        continue
      }
      others.push(copy)
      bytes += copy.bytes
    }
    this.ahead = ahead
    return { others, bytes }
  }

  private async remove(file: string, mid: string, why: string): Promise<boolean> {
    try {
      await this.disk.unlink(this.pathOf(file))
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') {
        this.report({ kind: 'not-dropped', mid, why: diskErrorText(error) })
        this.sweepIn(LONGEST_WAIT)
      }
      return false
    }
    this.left({ bytes: parseKeptName(file)?.bytes ?? 0 })
    this.report({ kind: 'kept-dropped', mid, why })
    return true
  }
}
