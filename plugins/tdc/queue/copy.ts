import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { Outgoing } from '../delivery/outgoing'
import type { CopyNotes } from './copy-notes'

export interface CopyPlace {
  /** Name of the queue file in Haraka's queue directory; a retry renames it. */
  readonly filename: string
  readonly path: string
  /** Where the message begins in the file. */
  readonly start: number
}

/** Octets per read of a long copy. */
const READ_SIZE = 64 * 1024

/**
 * Copies up to this are read whole, so that they go out in one write like fresh ones. A window of
 * them on each of 50 connections is 25 MB.
 */
const READ_WHOLE = 64 * 1024

/** One copy in the.tdc.queue: a file on disk and what is known of it. */
export class Copy implements Outgoing {
  readonly mid: string
  readonly recipient: string
  /** The intake's domain, which names the pool. */
  readonly domain: string
  readonly reversePath: string
  readonly messageId: string
  readonly size: number
  /** Octets in the file. */
  private readonly octets: number
  readonly eightBit: boolean
  readonly smtputf8: boolean

  /** Attempts that failed and were charged to it. */
  failedAttempts = 0
  /** Moment it entered the queue, on the monotonic clock. */
  readonly enqueuedAt: number
  place: CopyPlace
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
    this.recipient = notes.intake
    this.domain = notes.intake.slice(notes.intake.lastIndexOf('@') + 1)
    this.reversePath = notes.reversePath
    this.messageId = notes.messageId
    this.size = notes.size
    this.octets = notes.octets
    this.eightBit = notes.eightBit
    this.smtputf8 = notes.smtputf8
    this.place = place
    this.enqueuedAt = enqueuedAt
    this.message = message
  }

  content(): Buffer | Promise<Buffer> | Readable {
    const { path, start } = this.place
    if (this.message) return this.message
    return this.octets <= READ_WHOLE
      ? readPart(path, start, this.octets)
      : createReadStream(path, { start, highWaterMark: READ_SIZE })
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

async function readPart(path: string, start: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, start)
    if (bytesRead !== length) throw new Error(`${bytesRead} of ${length} octets`)
    return buffer
  } finally {
    await file.close()
  }
}
