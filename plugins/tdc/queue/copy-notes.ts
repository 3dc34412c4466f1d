import { LIMITS, bounded } from '../base/text'

/**
 * What a queue file remembers of its copy, under `notes.tdc` in the file's head. The file outlives
 * the settings: a copy goes to the intake it was queued for.
 */
export interface CopyNotes {
  /** Layout of these notes; a file of another layout is set aside. */
  readonly v: 1
  /** `user@domain`, the domain in ASCII. */
  readonly intake: string
  /** Reverse-path for the wire, without brackets; '' when null. */
  readonly reversePath: string
  /** Message-ID of the original as it stood there, for the log. */
  readonly messageId: string
  /** Octets of the copy as SIZE counts them: stuffing not counted. */
  readonly size: number
  /** Octets of the copy in the file: a file that was cut short has fewer. */
  readonly octets: number
  readonly eightBit: boolean
  readonly smtputf8: boolean
}

/** uuids are Haraka's, with our suffix: hex, dashes, dots and letters. */
const MID = /^[\w.-]{1,128}$/

export function isMid(value: unknown): value is string {
  return typeof value === 'string' && MID.test(value)
}

/** Notes read from disk, or the sentence that says what is wrong with them. */
export function parseNotes(value: unknown): CopyNotes | string {
  if (typeof value !== 'object' || value === null) return 'its head has no notes.tdc'
  const notes = value as Partial<Record<keyof CopyNotes, unknown>>
  if (notes.v !== 1)
    return `its notes are of layout ${JSON.stringify(notes.v)?.slice(0, 20)}, not 1`
  const { intake, reversePath, messageId, size, octets, eightBit, smtputf8 } = notes
  if (typeof intake !== 'string' || !isPath(intake) || !intake) return 'its notes name no intake'
  if (typeof reversePath !== 'string' || !isPath(reversePath))
    return 'its notes name no reverse-path'
  if (typeof messageId !== 'string') return 'its notes name no Message-ID'
  if (!isLength(size) || !isLength(octets)) return 'its notes give no size'
  if (typeof eightBit !== 'boolean' || typeof smtputf8 !== 'boolean')
    return 'its notes give no encoding'
  // A piece that JSON gives points into no longer text, but it may be long.
  const kept = bounded(messageId, LIMITS.value)
  return { v: 1, intake, reversePath, messageId: kept, size, octets, eightBit, smtputf8 }
}

function isLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** A file on disk may have been written by anybody: nothing of it may end an SMTP command line. */
function isPath(address: string): boolean {
  if (address === '') return true
  if (address.length > LIMITS.path) return false
  const at = address.lastIndexOf('@')
  return at > 0 && at < address.length - 1 && !/[\u0000-\u001f\u007f<>]/.test(address)
}
