import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  opendirSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../base/error-code'
import { isRunning } from '../base/running-process'
import { type ServerUser, withRightsOf } from './server-user'

export type Trial =
  | { readonly kind: 'passed' }
  | { readonly kind: 'absent' }
  /** `step`: what the system refused. */
  | { readonly kind: 'failed'; readonly step: string; readonly why: string }

/** Haraka leaves alone what begins with `error.`, should the process end in the middle. */
const TRIAL = 'error.tdc-trial'

/** Of a long queue a trial left behind is found at a later start, when it is shorter. */
const NAMES_LOOKED_THROUGH = 10_000

/**
 * Does in `folder` what a copy needs there, with the rights of `user`: a file is made, written, made
 * durable, renamed and removed.
 */
export function tryFolder(folder: string, user: ServerUser | undefined): Trial {
  if (!existsSync(folder)) return { kind: 'absent' }
  const first = join(folder, `${TRIAL}.${process.pid}`)
  const second = `${first}.renamed`
  let [step, made] = ['open', '']
  return withRightsOf(user, () => {
    try {
      removeEarlier(folder)
      const file = openSync((made = first), 'wx', 0o600)
      try {
        step = 'write'
        writeSync(file, TRIAL)
        step = 'fsync'
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      step = 'rename'
      renameSync(first, second)
      made = second
      step = 'unlink'
      unlinkSync(second)
      return { kind: 'passed' }
    } catch (error) {
      if (step !== 'open') removeQuietly(made)
      return { kind: 'failed', step, why: errorCode(error) ?? String(error) }
    }
  })
}

/** Names of at most `most` files of `folder` that `user` cannot read. */
export function unreadableFiles(
  folder: string,
  most: number,
  user: ServerUser | undefined,
): string[] {
  const names = firstNames(folder, most)
  return names.filter((name) => {
    const path = join(folder, name)
    return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true && !isReadable(path, user)
  })
}

export function isReadable(path: string, user: ServerUser | undefined): boolean {
  return withRightsOf(user, () => {
    try {
      // A pipe that was put in its place meanwhile is not waited for.
      closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
      return true
    } catch {
      return false
    }
  })
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // The next trial removes it.
  }
}

/** What trials left whose processes ended in the middle, or that could not remove it. */
function removeEarlier(folder: string): void {
  const names = firstNames(folder, NAMES_LOOKED_THROUGH)
  for (const name of names.filter((some) => some.startsWith(`${TRIAL}.`))) {
    const [, pid] = name.slice(TRIAL.length).split('.')
    if (!isRunning(Number(pid))) removeQuietly(join(folder, name))
  }
}

/** Names in `folder`, at most so many. */
export function firstNames(folder: string, most: number): string[] {
  const names: string[] = []
  const entries = opendirSync(folder)
  try {
    for (let entry = entries.readSync(); entry; entry = entries.readSync()) {
      if (names.push(entry.name) === most) break
    }
  } finally {
    entries.closeSync()
  }
  return names
}
