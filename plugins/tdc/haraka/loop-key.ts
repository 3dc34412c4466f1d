import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { errorCode } from '../error-code'

/** Octets of the key with which reports of this installation are recognised. */
const KEY_LENGTH = 32

export type LoopKey =
  /** `isPublic`: every user of the system may read or write the file. */
  | { kind: 'kept'; key: Buffer; isPublic: boolean }
  /** A key for the life of this process only: reports made before or elsewhere are not recognised. */
  | { kind: 'temporary'; key: Buffer; why: string }

/**
 * The installation's key, from `config/tdc.key`; made at the first start. Machines that may see each
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
export function keyWarning(path: string, key: LoopKey): string | undefined {
  if (key.kind === 'temporary') {
    return (
      `${path} cannot be used (${key.why}): journal reports that come back are recognised ` +
      'by this process only'
    )
  }
  return key.isPublic
    ? `${path} is open to every user: who knows the key can have mail pass for a report`
    : undefined
}

const OTHERS = 0o007

function kept(path: string): LoopKey {
  return { kind: 'kept', key: readKey(path), isPublic: (statSync(path).mode & OTHERS) !== 0 }
}

function readKey(path: string): Buffer {
  const key = Buffer.from(readFileSync(path, 'latin1').trim(), 'hex')
  if (key.length < KEY_LENGTH) throw new Error(`fewer than ${KEY_LENGTH * 2} hexadecimal digits`)
  return key
}

function temporary(error: unknown): LoopKey {
  const why = errorCode(error) ?? (error as Error).message
  return { kind: 'temporary', key: randomBytes(KEY_LENGTH), why }
}
