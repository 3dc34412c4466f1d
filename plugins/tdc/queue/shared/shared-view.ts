import { type Clock, inTime } from '../../clock'
import type { Settings } from '../../settings/settings'
import { SILENT } from './orphans'
import { QueueLook, type FoundCopy, type SharedProcess } from './queue-look'
import type { SendOctets } from './redis-queue'

/** A copy of the shared queue, and whose it is. */
export interface SharedCopyView extends Omit<FoundCopy, 'at'> {
  readonly machine: string
  readonly pid: number
  /**
   * `elsewhere`: another process has it, and tells more; `orphaned`: that one reports no more, and others take it
   * over; else as `QueuedCopy` has it, of a process of the server that was asked.
   */
  readonly state: string
  /** Milliseconds since it was first written. */
  readonly ageMs: number
}

export interface SharedProcessView extends Omit<SharedProcess, 'owner'> {
  readonly isSilent: boolean
  /** Of the machine that was asked. */
  readonly isHere: boolean
}

/** What all machines have in the shared queue. Moments are milliseconds since 1970 by Redis's clock. */
export interface SharedView {
  readonly takenAt: number
  /** Copies of all processes. */
  readonly count: number
  readonly processes: readonly SharedProcessView[]
  /** The oldest first; of each process those that came to it first. */
  readonly copies: readonly SharedCopyView[]
}

export interface SharedFound {
  /** null: it is not there. */
  readonly copy: SharedCopyView | null
  /** All copies were looked at. */
  readonly isWhole: boolean
}

/** Milliseconds for a connection, and for each answer. */
const PATIENCE = 3_000
/** Milliseconds after which no further page is asked for. */
const LOOK_TIME = 5_000

/**
 * The shared queue as Redis has it, for people: over a connection of its own, so that no copy waits behind it.
 * Rejects with a sentence when Redis does not answer.
 */
export class SharedLook {
  constructor(
    private readonly deps: {
      readonly connect: () => Promise<{ readonly sendOctets: SendOctets; close(): void }>
      readonly settings: () => Settings
      readonly clock: Clock
    },
  ) {}

  /** So many of its copies at the most; null: none is shared. */
  async view(most: number): Promise<SharedView | null> {
    if (!this.isShared) return null
    return this.asking(async (look, isLate) => {
      const { now, processes } = await look.processes()
      const copies: SharedCopyView[] = []
      for (const [process, share] of sharesOf(processes, most)) {
        let [after, left] = ['-', share]
        while (left > 0 && after !== '' && !isLate()) {
          const page = await look.page(process.owner, after, left)
          copies.push(...page.copies.map((copy) => viewOf(copy, process, now)))
          after = page.after
          left -= page.entries
        }
      }
      return {
        takenAt: now,
        count: processes.reduce((sum, each) => sum + each.copies, 0),
        processes: processes.map(({ owner: _, ...each }) => ({
          ...each,
          isSilent: isSilent(each, now),
          isHere: each.machine === this.deps.settings().cluster.machine,
        })),
        copies: copies.sort((a, b) => b.ageMs - a.ageMs),
      }
    })
  }

  async find(mid: string): Promise<SharedFound> {
    if (!this.isShared) return { copy: null, isWhole: true }
    return this.asking(async (look, isLate) => {
      const { now, processes } = await look.processes()
      for (const process of processes.filter(({ copies }) => copies > 0)) {
        for (let after = '-'; after !== '';) {
          if (isLate()) return { copy: null, isWhole: false }
          const page = await look.page(process.owner, after, Infinity, mid)
          const copy = page.copies.find((each) => each.mid === mid)
          if (copy) return { copy: viewOf(copy, process, now), isWhole: true }
          after = page.after
        }
      }
      return { copy: null, isWhole: true }
    })
  }

  private get isShared(): boolean {
    return this.deps.settings().queue.store === 'redis'
  }

  private async asking<T>(
    work: (look: QueueLook, isLate: () => boolean) => Promise<T>,
  ): Promise<T> {
    const { connect, settings, clock } = this.deps
    const until = clock.monotonic() + LOOK_TIME
    let close = (): void => {}
    try {
      const connecting = connect()
      const late = () => void connecting.then((each) => each.close()).catch(() => {})
      const redis = await inTime(clock, connecting, PATIENCE, late)
      close = () => redis.close()
      const send: SendOctets = (words) => inTime(clock, redis.sendOctets(words), PATIENCE)
      return await work(
        new QueueLook(send, settings().cluster.prefix),
        () => clock.monotonic() > until,
      )
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new Error(`Redis cannot be reached (${why})`, { cause: error })
    } finally {
      close()
    }
  }
}

/** Of each process with copies as many as of any other, and what the others do not have. */
function sharesOf(
  processes: readonly SharedProcess[],
  most: number,
): [process: SharedProcess, share: number][] {
  const having = processes.filter(({ copies }) => copies > 0).sort((a, b) => a.copies - b.copies)
  let left = most
  return having.map((process, at) => {
    const share = Math.min(process.copies, Math.ceil(left / (having.length - at)))
    left -= share
    return [process, share]
  })
}

function isSilent({ at }: { readonly at: number }, now: number): boolean {
  return now - at > SILENT
}

function viewOf({ at, ...copy }: FoundCopy, process: SharedProcess, now: number): SharedCopyView {
  const { machine, pid } = process
  return {
    ...copy,
    ...{ machine, pid, state: isSilent(process, now) ? 'orphaned' : 'elsewhere' },
    ageMs: Math.max(0, Math.round(now - at)) || 0,
  }
}
