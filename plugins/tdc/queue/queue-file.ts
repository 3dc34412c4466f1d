import { QUEUE_DOMAIN } from '../base/names'
import { type CopyNotes, isMid, parseNotes } from './copy-notes'
import type { Disk } from './disk'

/** Octets of the length in front of the head. */
const LENGTH = 4

/** Octets of a head that are looked at; ours have about a thousand. */
export const LONGEST_HEAD = 64 * 1024

/** What the head of a copy's file says. */
export interface QueueFileHead {
  readonly mid: string
  readonly notes: CopyNotes
  /** Milliseconds since 1970; NaN when the head does not say. */
  readonly queueTime: number
  /** Where the message begins. */
  readonly start: number
}

/**
 * The head of a copy's file, or the sentence that says what is wrong with the file. Rejects when it
 * cannot be read, with ENOENT when it is not there.
 */
export async function readHead(disk: Disk, path: string): Promise<QueueFileHead | string> {
  const bytes = await disk.readStart(path, LONGEST_HEAD)
  return parseHead(await disk.sizeOf(path), bytes)
}

/** Of a file of `size` octets that begins with `bytes`. */
export function parseHead(size: number, bytes: Buffer): QueueFileHead | string {
  if (size === 0) return 'it is empty'
  if (bytes.length < LENGTH) return 'its head is not complete'
  const start = LENGTH + bytes.readUInt32BE(0)
  if (start > size) return 'its head is not complete'
  if (start > bytes.length) return 'its head is too long'
  const head = parsed(bytes.toString('utf8', LENGTH, start)) as Partial<Head> | undefined
  if (!head) return 'its head cannot be read'
  if (head.domain !== QUEUE_DOMAIN) return `its head names another domain than ${QUEUE_DOMAIN}`
  if (!isMid(head.uuid)) return 'its head has no uuid'
  if (!hasEnvelope(head)) return 'its head has no envelope'
  const notes = parseNotes(head.notes?.tdc)
  if (typeof notes === 'string') return notes
  if (size - start !== notes.octets) return 'its message is not complete'
  const queueTime = typeof head.queue_time === 'number' ? head.queue_time : NaN
  return { mid: head.uuid, notes, queueTime, start }
}

interface Head {
  readonly domain: unknown
  readonly uuid: unknown
  readonly queue_time: unknown
  readonly mail_from: unknown
  readonly rcpt_to: unknown
  readonly notes?: { readonly tdc?: unknown } | null
}

/** Addresses that Haraka makes objects of; it ends over others when it gives the file up. */
function hasEnvelope({ mail_from: from, rcpt_to: to }: Partial<Head>): boolean {
  return isAddress(from) && Array.isArray(to) && to.length > 0 && to.every(isAddress)
}

function isAddress(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const texts = Object.values(value).filter((part) => typeof part === 'string')
  const { original } = value as { original?: unknown }
  return typeof original === 'string' && texts.every((text) => !/[\u0000-\u001f\u007f]/.test(text))
}

/** An object in JSON; undefined for everything else. */
function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
