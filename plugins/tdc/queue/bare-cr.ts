import type { Clock } from '../clock'
import { LineEnds } from '../journal/line-ends'
import type { ReadOriginal } from './spool'

/**
 * Whether a message has a CR that is no part of a line end (RFC 5321 2.3.8), as far as it can be read
 * within so many milliseconds: what cannot be read is left to the copies to fail on.
 */
export async function hasBareCr(
  read: ReadOriginal,
  within: number,
  clock: Clock,
): Promise<boolean> {
  const ends = new LineEnds('crlf')
  const giveUp = new AbortController()
  const deadline = clock.after(within, () => giveUp.abort(new Error('reading took too long')))
  await read((piece) => void ends.push(piece), giveUp.signal).catch(() => {})
  deadline.cancel()
  ends.end()
  return ends.hasBareCr
}
