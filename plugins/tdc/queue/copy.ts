import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { RecentMap } from '../base/recent-map'
import type { Outgoing } from '../smtp/outgoing'
import type { CopyNotes } from './copy-notes'
import type { InStore, SharedCopies } from './copy-store'
import { Fallback } from './fallback'
import { FOUND } from './found-file'

export interface CopyPlace {
  /** Name of the queue file in Haraka's queue directory; a retry renames it. */
  readonly filename: string
  /** Haraka's queue directory: one text for all, where a path each would be a third of a copy's memory. */
  readonly folder: string
  /** Where the message begins in the file. */
  readonly start: number
  /** Header lines that are sent in front of the message in the file. */
  readonly preface?: Buffer | undefined
  /** When it was given up the first time, milliseconds since 1970; it is sent again. */
  readonly givenUpAt?: number | undefined
}

/** Octets per read of a long copy. */
const READ_SIZE = 64 * 1024

/**
 * Copies up to this are read whole, so that they go out in one write like fresh ones. A window of
 * them on each of 50 connections is 25 MB.
 */
const READ_WHOLE = 64 * 1024

const NOTHING = Buffer.alloc(0)

/** One copy in the.tdc.queue: a file on disk and what is known of it. */
export class Copy implements Outgoing {
  readonly mid: string
  readonly recipient: string
  /** The intake's domain, which names the pool. */
  readonly domain: string
  readonly reversePath: string
  readonly messageId: string
  /** As it was written. */
  private readonly ownSize: number
  /** Octets in the file. */
  private readonly octets: number
  private readonly ownEightBit: boolean
  readonly smtputf8: boolean

  /** Attempts that failed and were charged to it. */
  failedAttempts = 0
  /** One of them had a session: the intake may have it. */
  mayHaveArrived = false
  /** It may be sent once more, with its original as a file, when it is refused for what it holds. */
  mayFallBack = false
  private fallback: Fallback | undefined
  /** From which its age counts, on the monotonic clock: written, then its original queued; or found. */
  enqueuedAt: number
  place: CopyPlace
  /** It has no queue file. */
  stored: InStore | undefined
  /** As the census has counted it. */
  grain = 0
  /** The message, while there is room to keep it; else it is read from the file. */
  private message: Buffer | undefined

  constructor(
    mid: string,
    notes: CopyNotes,
    place: CopyPlace,
    enqueuedAt: number,
    message?: Buffer | undefined,
  ) {
    this.mid = mid
    this.recipient = shared(notes.intake)
    this.domain = shared(notes.intake.slice(notes.intake.lastIndexOf('@') + 1))
    this.reversePath = shared(notes.reversePath)
    this.messageId = notes.messageId
    this.ownSize = notes.size + (place.preface?.length ?? 0)
    this.octets = notes.octets
    this.ownEightBit = notes.eightBit
    this.smtputf8 = notes.smtputf8
    this.place = place
    this.enqueuedAt = enqueuedAt
    this.message = message
  }

  /** It was given up once, and is sent again. */
  get isReplayed(): boolean {
    return this.place.preface !== undefined
  }

  get hasFallenBack(): boolean {
    return this.fallback !== undefined
  }

  get size(): number {
    return this.fallback?.size ?? this.ownSize
  }

  get eightBit(): boolean {
    return this.fallback === undefined && this.ownEightBit
  }

  /** From now on it has its original as a file; rejects when it cannot. */
  async fallBack(): Promise<void> {
    this.fallback = await Fallback.of(await this.written(), this.ownSize)
  }

  content(): Buffer | Promise<Buffer | Readable> {
    const written = this.written()
    const { fallback } = this
    return fallback
      ? Promise.resolve(written).then((content) => fallback.convert(content))
      : written
  }

  /** What is behind its first octets, as it was written. */
  async *behind(octets: number): AsyncGenerator<Buffer> {
    const { message, stored } = this
    if (message) yield message.subarray(octets)
    else if (stored?.store.shared)
      yield (await this.sharedBy(stored, stored.store.shared)).subarray(octets)
    else yield* await readFrom(this.path, this.place.start + octets)
  }

  private written(): Buffer | Promise<Buffer | Readable> {
    const { path } = this
    const { start, preface } = this.place
    if (this.stored?.store.shared) return this.sharedBy(this.stored, this.stored.store.shared)
    if (this.message) return this.message
    if (this.octets <= READ_WHOLE) return readPart(path, start, this.octets, preface)
    const rest = () => readFrom(path, start)
    return preface ? Promise.resolve(Readable.from(inOrder(preface, rest))) : rest()
  }

  /** Not when another machine has it by now. */
  private sharedBy({ copy }: InStore, shared: SharedCopies): Buffer | Promise<Buffer> {
    const { message } = this
    const confirmed = shared.confirm(copy)
    if (message) return confirmed?.then(() => message) ?? message
    return shared.read(copy).then((content) => content.subarray(this.place.start))
  }

  get path(): string {
    return join(this.place.folder, this.place.filename)
  }

  /** Octets of the queue file. */
  get fileSize(): number {
    return this.place.start + this.octets
  }

  /** Octets kept in memory. */
  get held(): number {
    return this.message?.length ?? 0
  }

  release(): void {
    this.message = undefined
  }
}

/** Addresses and domains that are known: a hundred thousand copies have few of them. */
const shares = new RecentMap<string, string>(() => 1_000)

/** The same text for all copies that have it. */
function shared(text: string): string {
  const known = shares.get(text)
  if (known === undefined) shares.set(text, text)
  return known ?? text
}

async function* inOrder(first: Buffer, rest: () => Promise<Readable>): AsyncGenerator<Buffer> {
  yield first
  yield* await rest()
}

async function readFrom(path: string, start: number): Promise<Readable> {
  const file = await open(path, FOUND)
  return file.createReadStream({ start, highWaterMark: READ_SIZE })
}

async function readPart(
  path: string,
  start: number,
  length: number,
  preface: Buffer = NOTHING,
): Promise<Buffer> {
  const file = await open(path, FOUND)
  try {
    const buffer = Buffer.allocUnsafe(preface.length + length)
    preface.copy(buffer)
    const { bytesRead } = await file.read(buffer, preface.length, length, start)
    if (bytesRead !== length) throw new Error(`${bytesRead} of ${length} octets`)
    return buffer
  } finally {
    await file.close()
  }
}
