import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../base/error-code'
import type { Report } from '../monitor/events'
import { configFolder } from './settings-files'

/** Octets of the key with which reports of this installation are recognised. */
const KEY_LENGTH = 32

/** Milliseconds that a key which does not sign any more is accepted: as long as a token lives. */
const OLD_KEY_LIFE = 7 * 86_400_000

export type LoopKey =
  | {
      kind: 'kept'
      /** The first of the file; it signs. */
      key: Buffer
      /** The others: accepted too, until `oldEnd`, in milliseconds since 1970. */
      older: readonly Buffer[]
      oldEnd: number
      /** Every user of the system may read or write the file. */
      isPublic: boolean
    }
  /** A key for the life of this process only: reports made before or elsewhere are not recognised. */
  | { kind: 'temporary'; key: Buffer; why: string }

/**
 * The installation's keys, from `config/tdc.key`; made at the first start. Machines that may see each
 * other's reports need the same file. Written under another name and linked, so that workers that
 * start together all read one complete key.
 */
export function loopKey(path: string): LoopKey {
  try {
    return kept(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') return temporary(error)
  }
  const fresh = `${path}.${process.pid}`
  try {
    writeFileSync(fresh, `${randomBytes(KEY_LENGTH).toString('hex')}\n`, { mode: 0o600 })
    try {
      linkSync(fresh, path)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    } finally {
      unlinkSync(fresh)
    }
    return kept(path)
  } catch (error) {
    return temporary(error)
  }
}

/** What an administrator should know of the key; undefined: nothing. */
export function keyWarning(path: string, key: LoopKey, now: number): string | undefined {
  if (key.kind === 'temporary') {
    return (
      `${path} cannot be used (${key.why}): journal reports that come back are recognised ` +
      'by this process only'
    )
  }
  if (key.isPublic) {
    return `${path} is open to every user: who knows the key can have mail pass for a report`
  }
  return key.older.length > 0 && now > key.oldEnd
    ? `${path} has keys that are not accepted any more, 7 days after it was changed: take them out`
    : undefined
}

/**
 * The keys of a process over time. A file that cannot be used leaves what was there; a key that was
 * replaced is accepted for as long as one that stands below its successor.
 */
export class LoopKeys {
  private readonly replaced: { readonly key: Buffer; readonly end: number }[] = []

  constructor(private latest: LoopKey) {}

  /** What signs. */
  get current(): Buffer {
    return this.latest.key
  }

  /** What a report may have been signed with. `now`: milliseconds since 1970. */
  accepted(now: number): readonly Buffer[] {
    const { latest } = this
    const older = latest.kind === 'kept' && now <= latest.oldEnd ? latest.older : []
    const replaced = this.replaced.filter(({ end }) => now <= end).map(({ key }) => key)
    return [latest.key, ...older, ...replaced]
  }

  /** The file was changed; false: it cannot be used. */
  renew(next: LoopKey, now: number): boolean {
    if (next.kind === 'temporary') return false
    if (!next.key.equals(this.current)) {
      this.replaced.push({ key: this.current, end: now + OLD_KEY_LIFE })
    }
    this.latest = next
    return true
  }
}

const OTHERS = 0o007

function kept(path: string): LoopKey {
  const [key, ...older] = readKeys(path)
  if (!key) throw new Error(TOO_SHORT)
  const { mode, mtimeMs } = statSync(path)
  const oldEnd = mtimeMs + OLD_KEY_LIFE
  return { kind: 'kept', key, older, oldEnd, isPublic: (mode & OTHERS) !== 0 }
}

const TOO_SHORT = `fewer than ${KEY_LENGTH * 2} hexadecimal digits`

/** One key on each line; the first 64 digits or more of it. */
function readKeys(path: string): Buffer[] {
  const lines = readFileSync(path, 'latin1').split(/\s+/)
  const keys = lines.filter((line) => line !== '').map((line) => Buffer.from(line, 'hex'))
  if (keys.some(({ length }) => length < KEY_LENGTH)) throw new Error(TOO_SHORT)
  return keys
}

function temporary(error: unknown): LoopKey {
  const why = errorCode(error) ?? (error as Error).message
  return { kind: 'temporary', key: randomBytes(KEY_LENGTH), why }
}

/** The file of the server's config/; `announces`: this process says what is wrong with it, for all. */
export function readLoopKey(announces: boolean, now: number, report: Report): LoopKey {
  const path = join(configFolder(), 'tdc.key')
  const result = loopKey(path)
  const text = keyWarning(path, result, now)
  // A temporary key is one for each process.
  const isNews = announces || result.kind === 'temporary'
  if (text !== undefined && isNews) report({ kind: 'warning', text })
  return result
}
