import { type CopyNotes, isMid, parseNotes } from './copy-notes'
import type { Disk } from './disk'

/** Octets of the length in front of the head. */
const LENGTH = 4
/** Ours have less than 2,000 octets, or 2,000 more with blanks for a long message. */
const LONGEST_HEAD = 64 * 1024
/** Read at once: most heads are shorter. */
const FIRST_READ = 4096

export interface QueueFileHead {
  readonly mid: string
  readonly notes: CopyNotes
  /** Where the message begins. */
  readonly start: number
}

/**
 * The head of a queue file, or the sentence that says what is wrong with it. Rejects when the file
 * cannot be read, with ENOENT when it is not there.
 */
export async function readHead(disk: Disk, path: string): Promise<QueueFileHead | string> {
  const first = await disk.readStart(path, FIRST_READ)
  if (first.length < LENGTH) return 'it has no head'
  const start = LENGTH + first.readUInt32BE(0)
  if (start > LENGTH + LONGEST_HEAD) return 'its head is too long'
  const whole = start <= first.length ? first : await disk.readStart(path, start)
  if (whole.length < start) return 'its head is not complete'
  const todo = parseJson(whole.subarray(LENGTH, start).toString())
  const { uuid, notes: all } = (todo ?? {}) as { uuid?: unknown; notes?: { tdc?: unknown } | null }
  if (!isMid(uuid)) return 'its head has no uuid'
  const notes = parseNotes(all?.tdc)
  return typeof notes === 'string' ? notes : { mid: uuid, notes, start }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
