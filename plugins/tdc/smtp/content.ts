import { once } from 'node:events'
import { Readable } from 'node:stream'
import { errorCode } from '../base/error-code'
import { isOutOfDescriptors, type Loss, lossOf } from './loss'
import type { Outgoing } from './outgoing'
import type { SecureSocket } from './tls'

/** Octets handed to the socket at a time: each is one step of progress. */
const PIECE = 65_536

export type WriteOutcome =
  | { kind: 'written' }
  /** `over` was signalled: a reply came already, or the connection is gone. */
  | { kind: 'over' }
  /** Our own copy could not be read to its end. */
  | { kind: 'unreadable'; loss: Loss }

/** A message's content; one that cannot be opened is one that breaks when it is read. */
export async function contentOf(message: Outgoing): Promise<Buffer | Readable> {
  try {
    const content = await message.content()
    // Its reader comes later; what goes wrong before that is told to the reader.
    if (!Buffer.isBuffer(content)) content.on('error', () => {})
    return content
  } catch (error) {
    return new Readable({
      read() {
        this.destroy(error as Error)
      },
    })
  }
}

/** Takes the first octets off a message: some, up to `most`, or none when none can be read. */
export async function takeFirst(
  content: Buffer | Readable,
  most: number,
): Promise<{ first: Buffer; rest: Buffer | Readable }> {
  if (Buffer.isBuffer(content)) {
    return { first: content.subarray(0, most), rest: content.subarray(most) }
  }
  while (!content.destroyed && !content.readableEnded) {
    const piece = Buffer.from((content.read() as Buffer | string | null) ?? [])
    if (piece.length > 0) {
      content.unshift(piece.subarray(most))
      return { first: piece.subarray(0, most), rest: content }
    }
    // An error is met again by whoever reads on.
    await once(content, 'readable').catch(() => {})
  }
  return { first: Buffer.alloc(0), rest: content }
}

/**
 * Writes a message's content, never faster than the socket takes it and without copying it. The
 * source is destroyed when it is no longer needed.
 */
export async function writeContent(
  socket: SecureSocket,
  content: Buffer | Readable,
  progress: () => void,
  over: AbortSignal,
  change: (piece: Buffer) => Buffer,
): Promise<WriteOutcome> {
  try {
    for await (const piece of piecesOf(content, over)) {
      if (over.aborted) return { kind: 'over' }
      progress()
      if (!socket.write(change(piece))) await drained(socket, over)
    }
  } catch (error) {
    if (over.aborted) return { kind: 'over' }
    const code = errorCode(error) ?? ''
    const reason = `the copy could not be read${code && ` (${code})`}`
    const details = isOutOfDescriptors(lossOf(error)) ? 'descriptors' : 'error'
    return { kind: 'unreadable', loss: { kind: 'network', details, reason } }
  }
  return { kind: over.aborted ? 'over' : 'written' }
}

async function* piecesOf(content: Buffer | Readable, over: AbortSignal): AsyncGenerator<Buffer> {
  if (Buffer.isBuffer(content)) {
    for (let at = 0; at < content.length; at += PIECE) yield content.subarray(at, at + PIECE)
    return
  }
  const stop = (): void => void content.destroy()
  over.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of content) yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk)
  } finally {
    over.removeEventListener('abort', stop)
  }
}

/** Resolves when the socket takes more, or when that no longer matters. */
function drained(socket: SecureSocket, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done)
      over.removeEventListener('abort', done)
      resolve()
    }
    socket.on('drain', done)
    over.addEventListener('abort', done)
    if (over.aborted) done()
  })
}
