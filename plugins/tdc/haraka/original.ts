import { Writable } from 'node:stream'
import type { Transaction } from './types'

/** Takes a piece of the original, in order; the next comes when it has resolved. */
export type TakePiece = (piece: Buffer) => void | Promise<void>

/** Octets gathered before a piece is handed on: message_stream gives single lines. */
const PIECE = 64 * 1024

/** Another plugin may still be reading when the queue hook begins (Haraka #3551): wait a little. */
const BUSY_TRIES = 5
const BUSY_WAIT = 20

/**
 * Reads the message as Haraka would deliver it now: parsed headers with what plugins added, then
 * the body, in content form (CRLF lines, dots not stuffed). A spooled message is read from its file.
 *
 * The stream must not be read after the transaction was reset (the descriptor is closed
 * and may belong to another file by then), so `signal` stops it at once, synchronously.
 */
export async function readOriginal(
  { message_stream }: Transaction,
  take: TakePiece,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    const sink = new PieceSink(take)
    try {
      message_stream.pipe(sink, { dot_stuffed: true })
    } catch (busy) {
      if (attempt === BUSY_TRIES) throw busy
      await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT))
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

class PieceSink extends Writable {
  readonly ended: Promise<void>
  private readonly take: TakePiece

  constructor(take: TakePiece) {
    super({ highWaterMark: PIECE, decodeStrings: true })
    this.take = take
    this.ended = new Promise((resolve, reject) => {
      this.once('finish', resolve)
      this.once('error', reject)
      this.once('close', () => reject(new Error('the message was not read to its end')))
    })
    // Whoever stops reading early does not wait for the promise any more.
    this.ended.catch(() => {})
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.handOn(chunk, done)
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error) => void,
  ): void {
    this.handOn(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  private handOn(piece: Buffer, done: (error?: Error) => void): void {
    try {
      const taken = this.take(piece)
      if (taken) taken.then(() => done(), done)
      else done()
    } catch (error) {
      done(error as Error)
    }
  }
}
