import { appendFileSync, mkdirSync, readdirSync } from 'node:fs'
import { appendFile, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { inTurns, sortedInTurns } from '../base/in-turns'
import { flag, integer, listOf, number, oneOf, orNull, record, text } from '../base/shape'
import { safeCut, safeText } from '../base/text'
import type { Clock, Timer } from '../clock'
import { errorCode } from '../base/error-code'
import type { EventOf, Report, TdcEvent } from '../monitor/events'
import { mistakeIn } from '../monitor/mistake'
import { CAUSES, type Cause } from './kept-name'

/** Copies that are remembered at the least. */
export const LOST_KEPT = 1_000

/** Octets of one line; an ordinary one has some 400. Long lists of recipients are cut. */
const LINE_OCTETS = 2_000
const TEXT_OCTETS = 400

/** A file of this many octets gets no more lines; as many files stay as `LOST_KEPT` of the longest fill. */
const FILE_OCTETS = 250_000
const ALL_OCTETS = LOST_KEPT * LINE_OCTETS

/** Milliseconds in which lines are gathered: an outage ends hundreds of copies together. */
const WRITE_DELAY = 500

/** `NUMBER.lines`; the number is the moment at which it was begun. */
const FILE = /^\d{13,15}\.lines$/
const isHistory = (name: string) => FILE.test(name)
const nameOf = (moment: number) => `${moment}.lines`

/** Why there is no copy at the intake; `not-written`: it never was in the queue. */
export const LOSSES = [...CAUSES, 'not-written'] as const

/** A copy that was given up. */
export interface LostCopy {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Of one that was not written, the message's. */
  readonly mid: string
  readonly messageId: string
  readonly intake: string
  readonly reason: (typeof LOSSES)[number]
  /** The reply, or what else was in the way. */
  readonly text: string
  readonly attempts: number
  readonly ageMs: number
  /** Null: not known any more. Recipients are the first of them. */
  readonly sender: string | null
  readonly recipients: readonly string[]
  /** When it was sent again; null: it was not. */
  readonly replayedAt: number | null
}

/** Of those that were asked for: all of them, and those that are shown. */
export interface LostListed {
  readonly count: number
  readonly copies: readonly (LostCopy & { readonly kept: boolean })[]
}

interface Replayed {
  readonly at: number
  readonly mid: string
  readonly replayed: true
}

const words = text(LINE_OCTETS)
const lostShape = record<LostCopy>({
  at: number,
  mid: words,
  messageId: words,
  intake: words,
  reason: oneOf(...LOSSES),
  text: words,
  attempts: integer,
  ageMs: integer,
  sender: orNull(words),
  recipients: listOf(words, LINE_OCTETS),
  replayedAt: orNull(number),
})
const replayedShape = record<Replayed>({ at: number, mid: words, replayed: flag })

interface People {
  readonly sender: string
  readonly recipients: readonly string[]
}

/**
 * The last copies that were given up, over restarts: files of lines in a folder that all processes of the
 * machine share. Each appends to the newest with one write, so lines stay whole; one that a crash cut is
 * passed over. They are no part of a promise: nothing waits for them, and a power failure may cost some.
 */
export class LostCopies {
  private lines: string[] = []
  private timer: Timer | undefined
  private file: string | undefined
  private writing = Promise.resolve()
  private isBroken = false

  constructor(
    private readonly deps: {
      readonly folder: string
      readonly makeFolder: (path: string) => Promise<void>
      readonly clock: Clock
      readonly report: Report
      /** Undefined: not known here. */
      readonly peopleOf: (mid: string) => People | undefined
    },
  ) {}

  /** Takes what ends a copy without the intake having it, and what sends one again. */
  note(event: TdcEvent): void {
    const entry = this.entryOf(event)
    if (!entry) return
    if (this.lines.length >= LOST_KEPT) this.lines.shift()
    this.lines.push(lineOf(entry))
    this.timer ??= this.deps.clock.after(WRITE_DELAY, () => {
      this.timer = undefined
      this.written().catch(mistakeIn('the history of lost copies', this.deps.report))
    })
  }

  /** The process ends: what is not written yet is written now, or never. */
  writeNow(): void {
    if (this.lines.length === 0) return
    const { folder, clock } = this.deps
    try {
      mkdirSync(folder, { recursive: true, mode: OWNERS_FOLDER })
      const newest = readdirSync(folder).filter(isHistory).sort().at(-1)
      const file = newest ?? nameOf(clock.wall())
      appendFileSync(join(folder, file), this.taken(), { mode: OWNER_ONLY })
    } catch {
      // Whoever reads the log is told of each copy.
    }
  }

  /** The newest `LOST_KEPT`, the newest first. Rejects when the folder cannot be read. */
  async list(): Promise<LostCopy[]> {
    await this.written()
    const entries: (LostCopy | Replayed)[] = []
    for (const file of await this.files()) {
      const lines = (await readFile(join(this.deps.folder, file), 'utf8')).split('\n')
      for await (const line of inTurns(lines)) entries.push(...parsed(line))
    }
    const found: LostCopy[] = []
    const replayed = new Map<string, number>()
    // From the newest on: a copy that was given up again later was not saved by that replay.
    for await (const entry of inTurns(
      await sortedInTurns(entries.reverse(), (a, b) => b.at - a.at),
    )) {
      if ('replayed' in entry) replayed.set(entry.mid, entry.at)
      else if (found.length < LOST_KEPT) {
        found.push({ ...entry, replayedAt: replayed.get(entry.mid) ?? null })
        replayed.delete(entry.mid)
      }
    }
    return found
  }

  private entryOf(event: TdcEvent): LostCopy | Replayed | undefined {
    const at = this.deps.clock.wall()
    switch (event.kind) {
      case 'tls-error':
      case 'hard-bounced':
      case 'expired':
        return this.givenUp(event, at)
      case 'journal-failed':
        return {
          ...{ at, mid: event.transaction, messageId: '', intake: event.intake },
          ...{ reason: 'not-written', text: event.why, attempts: 0, ageMs: 0, replayedAt: null },
          ...this.people(event.transaction),
        }
      case 'replayed':
        return { at, mid: event.mid, replayed: true }
      default:
        return undefined
    }
  }

  private givenUp(event: EventOf<'tls-error' | 'hard-bounced' | 'expired'>, at: number): LostCopy {
    const { mid, messageId, intake, attempts, response } = event
    return {
      ...{ at, mid, messageId, intake, attempts, ageMs: Math.round(event.age) },
      reason: REASON[event.kind],
      text: `${response.code} ${response.detail}`,
      replayedAt: null,
      ...this.people(mid),
    }
  }

  private people(mid: string): Pick<LostCopy, 'sender' | 'recipients'> {
    const people = this.deps.peopleOf(mid)
    return { sender: people?.sender ?? null, recipients: people?.recipients ?? [] }
  }

  /** One write after the other; never rejects. */
  private written(): Promise<void> {
    return (this.writing = this.writing.then(() => this.write()))
  }

  private async write(): Promise<void> {
    if (this.lines.length === 0) return
    try {
      const file = (this.file ??= await this.fileToFill())
      await appendFile(file, this.taken(), { mode: OWNER_ONLY })
      this.isBroken = false
      // Other processes write there too.
      if ((await stat(file)).size >= FILE_OCTETS) this.file = undefined
    } catch (error) {
      this.file = undefined
      if (this.isBroken) return
      this.isBroken = true
      const why = errorCode(error) ?? String(error)
      const text = `lost copies cannot be noted for haraka-tdc history: ${this.deps.folder}: ${why}`
      this.deps.report({ kind: 'warning', text })
    }
  }

  /** All lines, behind a line end: what a crash cut before them stands alone. */
  private taken(): string {
    const { lines } = this
    this.lines = []
    return `\n${lines.join('\n')}\n`
  }

  private async fileToFill(): Promise<string> {
    const { folder, makeFolder, clock } = this.deps
    await makeFolder(folder)
    const newest = (await this.files()).at(-1)
    if (newest !== undefined && (await stat(join(folder, newest))).size < FILE_OCTETS) {
      return join(folder, newest)
    }
    await this.removeOld()
    const after = newest === undefined ? 0 : Number.parseInt(newest, 10) + 1
    return join(folder, nameOf(Math.max(clock.wall(), after)))
  }

  /** Which are beyond what is remembered. */
  private async removeOld(): Promise<void> {
    let octets = 0
    for (const file of (await this.files()).reverse()) {
      const path = join(this.deps.folder, file)
      if (octets >= ALL_OCTETS) await unlink(path)
      else octets += (await stat(path)).size
    }
  }

  /** The oldest first. */
  private async files(): Promise<string[]> {
    try {
      const names = await readdir(this.deps.folder)
      return names.filter(isHistory).sort()
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return []
      throw error
    }
  }
}

const OWNER_ONLY = 0o600
const OWNERS_FOLDER = 0o700

const REASON = {
  'tls-error': 'tls-error',
  'hard-bounced': 'hard-bounce',
  expired: 'expired',
} as const satisfies Record<string, Cause>

/** With as many recipients as there is room for. */
function lineOf(entry: LostCopy | Replayed): string {
  if ('replayed' in entry) return JSON.stringify(entry)
  const { mid, messageId, intake, text, sender } = entry
  const bounded = {
    ...entry,
    ...{ mid: safeText(mid), messageId: safeText(messageId), intake: safeText(intake) },
    ...{ text: safeCut(text, TEXT_OCTETS), sender: sender === null ? null : safeText(sender) },
  }
  const recipients: string[] = []
  let line = JSON.stringify({ ...bounded, recipients })
  for (const recipient of entry.recipients) {
    recipients.push(safeText(recipient))
    const longer = JSON.stringify({ ...bounded, recipients })
    if (Buffer.byteLength(longer) > LINE_OCTETS) break
    line = longer
  }
  return line
}

/** None of what a crash cut, or somebody else wrote. */
function parsed(line: string): (LostCopy | Replayed)[] {
  if (line === '') return []
  try {
    const value: unknown = JSON.parse(line)
    if (replayedShape(value, 'it') === undefined) return [value as Replayed]
    return lostShape(value, 'it') === undefined ? [value as LostCopy] : []
  } catch {
    return []
  }
}
