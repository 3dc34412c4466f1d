import {
  closeSync,
  constants,
  existsSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { ServerUser } from './server-user'

/**
 * Makes the queue directory, while Haraka is still whoever started it, for the user that it becomes.
 * Haraka 3.3.4 makes it when it has become that user already, and ends when it may not. One that is there
 * stays whose it is: what stands under its name, that user may have chosen. What fails is found by the doctor.
 */
export function makeQueueDirectory(folder: string, user: ServerUser | undefined): void {
  quietly(() => {
    mkdirSync(dirname(folder), { recursive: true, mode: 0o755 })
    mkdirSync(folder, { mode: 0o755 })
    giveTo(folder, user, constants.O_DIRECTORY)
  })
}

/** Does `make`, and gives the file to the user when it was made by it. */
export function givingTo<T>(path: string, user: ServerUser | undefined, make: () => T): T {
  const wasThere = existsSync(path)
  const made = make()
  if (!wasThere) quietly(() => giveTo(path, user, 0))
  return made
}

/** Only root can; only what is root's, and never what a link leads to. */
function giveTo(path: string, user: ServerUser | undefined, kind: number): void {
  if (!user || process.geteuid?.() !== 0) return
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | kind)
  try {
    if (fstatSync(file).uid === 0) fchownSync(file, user.uid, user.gid)
  } finally {
    closeSync(file)
  }
}

function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // The file system says it again to whoever writes there.
  }
}
