import { EventEmitter } from 'node:events'
import type { Clock } from '../clock'
import { Unstuffer } from '../base/unstuffer'
import type { Transaction } from './types'

/** Takes a piece of the original, in order; the next comes when it has resolved. */
export type TakePiece = (piece: Buffer) => void | Promise<void>

/** Octets gathered before a piece is handed on: message_stream gives single lines. */
const PIECE = 64 * 1024

/** The last line of the wire form (RFC 5321 section 4.1.1.4). */
const FINAL_DOT = '.\r\n'.length

/**
 * Another plugin may still be reading when the queue hook begins (Haraka #3551). For two seconds it
 * is waited for: without that there is no copy, and the queue plugin behind us would end Haraka.
 */
const BUSY_TRIES = 100
const BUSY_WAIT = 20

/**
 * Reads the message as Haraka would deliver it now: parsed headers with what plugins added, then
 * the body, in content form (CRLF lines, dots not stuffed). A spooled message is read from its file.
 *
 * It is asked for as it goes to the next hop, and unstuffed as the next hop does it. The stream's own
 * content form keeps a dot that the client did not double: the copy would show other lines, such as
 * MIME delimiters, than the recipients get.
 *
 * The stream must not be read after the transaction was reset (the descriptor is closed
 * and may belong to another file by then), so `signal` stops it at once, synchronously.
 */
export async function readOriginal(
  { message_stream }: Transaction,
  take: TakePiece,
  signal: AbortSignal,
  clock: Clock,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    const sink = new PieceSink(take)
    try {
      message_stream.pipe(sink, { ending_dot: true })
    } catch (busy) {
      if (attempt === BUSY_TRIES) throw busy
      await new Promise<void>((resolve) => clock.after(BUSY_WAIT, resolve))
      continue
    }
    const stop = () => {
      message_stream.unpipe()
      sink.destroy(signal.reason as Error)
    }
    signal.addEventListener('abort', stop, { once: true })
    try {
      await sink.ended
    } catch (failed) {
      message_stream.unpipe()
      throw failed
    } finally {
      signal.removeEventListener('abort', stop)
    }
    return
  }
}

/**
 * What `pipe` needs of a destination and no more: message_stream writes line by line, and for each
 * line node's own Writable would cost more than all that is done with it here.
 */
export class PieceSink extends EventEmitter {
  readonly ended: Promise<void>
  private lines: Buffer[] = []
  private octets = 0
  /** The latest write: of the last one the final dot is taken away. */
  private latest: Buffer = Buffer.alloc(0)
  private readonly unstuffer = new Unstuffer()
  private over = false

  constructor(private readonly take: TakePiece) {
    super()
    this.ended = new Promise((resolve, reject) => {
      this.once('finish', resolve)
      this.once('error', reject)
    })
    // Whoever stops reading early does not wait for the promise any more.
    this.ended.catch(() => {})
  }

  write(line: Buffer): boolean {
    if (this.over) return false
    this.gather(this.latest)
    this.latest = line
    if (this.octets < PIECE) return true
    this.handOn(() => this.emit('drain'))
    return false
  }

  end(): void {
    if (this.over) return
    this.gather(this.latest.subarray(0, -FINAL_DOT))
    this.handOn(() => this.emit('finish'))
  }

  destroy(reason: Error): void {
    if (this.over) return
    this.over = true
    this.lines = []
    this.emit('error', reason)
  }

  private gather(line: Buffer): void {
    this.lines.push(line)
    this.octets += line.length
  }

  private handOn(done: () => void): void {
    const piece = this.unstuffer.push(Buffer.concat(this.lines, this.octets))
    this.lines = []
    this.octets = 0
    // Later in any case: `pipe` does not expect its answer while it writes.
    void this.taken(piece).then(
      () => {
        if (!this.over) done()
      },
      (error: Error) => this.destroy(error),
    )
  }

  private async taken(piece: Buffer): Promise<void> {
    if (piece.length > 0) await this.take(piece)
  }
}
