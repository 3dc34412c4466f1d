import { LIMITS, bounded } from '../base/text'
import type { Clock } from '../clock'
import type { Route } from '../decide/decision'
import type { QueueDirectory } from '../haraka/queue-directory'
import type { Report } from '../monitor/events'
import { Copy } from './copy'
import type { CopyNotes } from './copy-notes'
import type { InStore } from './copy-store'
import { diskErrorText } from './disk-error'
import { FewAtOnce } from './few-at-once'
import { SHARED_IN_MEMORY, type MemoryBudget } from './memory-budget'
import type { MessageSize, ReadOriginal, Spool, SpoolPlan, Spooled } from './spool'
import { StuckWrites } from './stuck-writes'
import type { Wrapping } from './wrapping'

/** Originals up to this are copied in memory and written in one go; longer ones are streamed. */
export const HELD_ORIGINAL = 256 * 1024

/**
 * Long originals that are streamed at a time: as many as node has threads for files. More would not
 * be faster, and each has its pieces in memory.
 */
export const STREAMED_AT_ONCE = 4

/** The message that copies are made of. */
export interface Original {
  readonly messageId: string | undefined
  /** Octets received; the message may be a little longer, by the headers that were added. */
  readonly octets: number
  readonly read: ReadOriginal
  /** Equal for equal messages with equal envelopes; undefined: not known. */
  readonly digest?: () => string | undefined
}

export interface PlannedCopy {
  readonly mid: string
  readonly route: Route
  readonly wrapping: Wrapping
  readonly reversePath: string
  readonly smtputf8: boolean
}

export type Prepared =
  ({ kind: 'copy' } & PreparedCopy) | { kind: 'failed'; mid: string; route: Route; why: string }

/** A copy on disk, not to be sent yet. */
export interface PreparedCopy {
  readonly copy: Copy
  readonly route: Route
  /** The same copy in another file, for fewer recipients. */
  readonly narrow: (route: Route, signal: AbortSignal) => Promise<Copy>
}

export function midOf(result: Prepared): string {
  return result.kind === 'copy' ? result.copy.mid : result.mid
}

export function copiesIn(results: readonly Prepared[]): PreparedCopy[] {
  return results.flatMap((result) => (result.kind === 'copy' ? [result] : []))
}

/** A copy that could not be written. */
export interface JournalFailure {
  readonly route: Route
  readonly why: string
}

export function failuresIn(results: readonly Prepared[]): JournalFailure[] {
  const failed = results.filter((result) => result.kind === 'failed')
  return failed.map(({ route, why }) => ({ route, why }))
}

/** Writes the copies of a message ahead: on disk, complete, not yet to be sent. */
export class Preparer {
  private readonly directory: QueueDirectory
  private readonly spool: Spool
  private readonly memory: MemoryBudget
  private readonly clock: Clock
  private readonly room: { lack(): Promise<string | undefined> }
  private readonly report: Report
  private readonly lingering: { add(copy: Copy): void }
  private readonly streaming = new FewAtOnce(STREAMED_AT_ONCE)
  private readonly stuck: StuckWrites

  constructor(deps: {
    directory: QueueDirectory
    spool: Spool
    memory: MemoryBudget
    clock: Clock
    room: { lack(): Promise<string | undefined> }
    report: Report
    /** Copies without a queue file. */
    lingering?: { add(copy: Copy): void }
  }) {
    this.directory = deps.directory
    this.spool = deps.spool
    this.memory = deps.memory
    this.clock = deps.clock
    this.room = deps.room
    this.report = deps.report
    this.lingering = deps.lingering ?? { add: () => {} }
    this.stuck = new StuckWrites(deps.clock)
  }

  /**
   * One result per planned copy, in order; `known` is told of each as soon as it is there, a copy
   * when it is durable. Never rejects. After `signal` aborts, the message is not read any more, and
   * the copies not yet written fail.
   */
  async prepare(
    original: Original,
    planned: readonly PlannedCopy[],
    signal: AbortSignal,
    known: (result: Prepared) => void = () => {},
  ): Promise<Prepared[]> {
    const results: Prepared[] = []
    const add = (result: Prepared) => {
      results.push(result)
      known(result)
    }
    const lack = this.stuck.lack ?? (await this.room.lack())
    const ended = this.stuck.begin(signal)
    let held: Buffer | undefined
    let normalized = false
    for (const plan of planned) {
      try {
        if (lack !== undefined) throw new Error(lack)
        if (original.octets <= HELD_ORIGINAL) held ??= await readWhole(original.read, signal)
        const spooled = await this.write(original, held, plan, signal)
        if (spooled.normalized && !normalized) this.report({ kind: 'normalized', mid: plan.mid })
        normalized ||= spooled.normalized
        add({ kind: 'copy', ...this.copyOf(original, plan, spooled) })
      } catch (error) {
        const why = signal.aborted ? abortText(signal) : diskErrorText(error)
        add({ kind: 'failed', mid: plan.mid, route: plan.route, why })
      }
    }
    ended()
    return results
  }

  private write(
    original: Original,
    held: Buffer | undefined,
    planned: PlannedCopy,
    signal: AbortSignal,
  ): Promise<Spooled> {
    const plan: SpoolPlan = {
      wrapping: planned.wrapping,
      fileHead: (facts) => this.fileHead(original, planned, facts),
    }
    return held
      ? this.spool.writeHeld(held, plan, signal)
      : this.streaming.run(() => this.spool.writeStreamed(original.read, plan, signal), signal)
  }

  private fileHead(original: Original, planned: PlannedCopy, facts: MessageSize): Buffer {
    const notes = notesOf(original, planned, facts)
    return this.directory.head({ mid: planned.mid, intake: notes.intake, notes })
  }

  private copyOf(original: Original, planned: PlannedCopy, spooled: Spooled): PreparedCopy {
    const { route } = planned
    const { message, ...written } = spooled
    const { stored, head } = written
    const held = message && this.hold(message, stored) ? message : undefined
    const copy = this.copyIn(written, original, planned, held)
    if (stored && !stored.store.shared) this.lingering.add(copy)
    const narrow = async ({ recipients, given }: Route, signal: AbortSignal): Promise<Copy> => {
      const to = { recipients, given }
      const rest = () => copy.behind(head.octets)
      const plan = { fileHead: (facts: MessageSize) => this.fileHead(original, planned, facts) }
      const again = () => this.spool.writeAgain(written, to, rest, plan, signal)
      return this.copyIn(await this.streaming.run(again, signal), original, planned)
    }
    return { copy, route, narrow }
  }

  /** Room for it was there before it was stored. */
  private hold({ length }: Buffer, stored: InStore | undefined): boolean {
    if (!stored) return this.memory.take(length)
    if (stored.store.shared) {
      const isHeld = this.memory.take(length, SHARED_IN_MEMORY)
      if (!isHeld) delete stored.copy.content
      return isHeld
    }
    this.memory.takeAnyway(length)
    return true
  }

  private copyIn(
    { file, start, stored, ...facts }: MessageSize & Pick<Spooled, 'file' | 'start' | 'stored'>,
    original: Original,
    planned: PlannedCopy,
    held?: Buffer,
  ): Copy {
    const place = { filename: file.name, folder: this.directory.path, start }
    const notes = notesOf(original, planned, facts)
    const copy = new Copy(planned.mid, notes, place, this.clock.monotonic(), held)
    copy.stored = stored
    return copy
  }
}

function notesOf(
  original: Original,
  planned: PlannedCopy,
  { size, octets, eightBit }: MessageSize,
): CopyNotes {
  return {
    v: 1,
    intake: planned.route.intake.address,
    reversePath: planned.reversePath,
    messageId: bounded(original.messageId ?? '', LIMITS.value),
    size,
    octets,
    eightBit,
    smtputf8: planned.smtputf8,
  }
}

async function readWhole(read: ReadOriginal, signal: AbortSignal): Promise<Buffer> {
  const pieces: Buffer[] = []
  await read((piece) => void pieces.push(piece), signal)
  const [only, ...more] = pieces
  return only && more.length === 0 ? only : Buffer.concat(pieces)
}

/** Why `signal` was aborted. */
export function abortText({ reason }: AbortSignal): string {
  return reason instanceof Error ? reason.message : String(reason)
}

export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
