import { createHash, createHmac, type Hash, randomBytes } from 'node:crypto'
import type { Clock } from '../clock'

/** Milliseconds for which one copy in doubt stands for all equal messages. */
const MEMORY_TIME = 3_600_000
/** Recipients of messages that are remembered, some 100 octets each; the oldest goes first. */
const MEMORY_SIZE = 20_000

/**
 * The messages whose copy was sent although their original's fate is not known: a sender that is told
 * to come back brings the same one again and again. Each process knows its own.
 */
export class Doubts {
  private readonly since = new Map<string, number>()
  private readonly key = randomBytes(32)

  constructor(private readonly clock: Clock) {}

  /** Of one message: its envelope, then what the client sent, in pieces. */
  digest(envelope: readonly string[], header: readonly string[]): ContentDigest {
    return new ContentDigest(envelope, header)
  }

  /** Of a copy's recipients, those who were in none of an equal message within the hour; now they are. */
  newAmong(recipients: readonly string[], digest: string | undefined, intake: string): string[] {
    if (digest === undefined) return [...recipients]
    const digestOf = (recipient: string) =>
      createHmac('sha256', this.key)
        .update([digest, intake, recipient].join('\n'))
        .digest('base64url')
    return recipients.filter((recipient) => this.isNew(digestOf(recipient)))
  }

  private isNew(digest: string): boolean {
    const now = this.clock.monotonic()
    const since = this.since.get(digest)
    if (since !== undefined && now - since < MEMORY_TIME) return false
    this.since.delete(digest)
    this.since.set(digest, now)
    const [oldest] = this.since.keys()
    if (this.since.size > MEMORY_SIZE && oldest !== undefined) this.since.delete(oldest)
    return true
  }
}

const EMPTY_LINE = Buffer.from('\r\n\r\n')

/** Octets that are kept as they are until somebody asks for the digest, which is rare. */
const KEPT = 256 * 1024

/**
 * Takes in a message as Haraka has it now, of which the header is left out: Haraka and plugins have
 * written in it, with the time of day. The client's own header lines stand for it.
 */
export class ContentDigest {
  private readonly parts: readonly string[]
  private pieces: Buffer[] = []
  private octets = 0
  private head: Buffer | undefined = Buffer.from('\r\n')
  private hash: Hash | undefined
  private digest: string | undefined

  constructor(envelope: readonly string[], header: readonly string[]) {
    this.parts = [...envelope, '', ...header]
  }

  /** It must not be changed any more. */
  add(piece: Buffer): void {
    this.pieces.push(piece)
    this.octets += piece.length
    if (this.octets > KEPT) this.hashed()
  }

  /** All of it was taken in. */
  end(): string {
    return (this.digest ??= this.hashed().digest('base64url'))
  }

  private hashed(): Hash {
    this.hash ??= createHash('sha256').update(
      this.parts.map((part) => `${part.length}:${part}`).join(''),
    )
    for (const piece of this.pieces) this.take(piece, this.hash)
    this.pieces = []
    return this.hash
  }

  private take(piece: Buffer, hash: Hash): void {
    if (this.head === undefined) return void hash.update(piece)
    const joined = Buffer.concat([this.head, piece])
    const end = joined.indexOf(EMPTY_LINE)
    this.head = end < 0 ? joined.subarray(1 - EMPTY_LINE.length) : undefined
    if (end >= 0) hash.update(joined.subarray(end))
  }
}
