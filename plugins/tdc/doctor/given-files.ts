import { chownSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import type { ServerUser } from './server-user'

/**
 * Makes the queue directory, while Haraka is still whoever started it, for the user that it becomes;
 * one that is there and empty is given to that user. Haraka 3.3.4 makes it when it has become that user
 * already, and ends when it may not. What fails is found by the doctor.
 */
export function makeQueueDirectory(folder: string, user: ServerUser | undefined): void {
  quietly(() => {
    const isNew = mkdirSync(folder, { recursive: true, mode: 0o755 }) !== undefined
    if (isNew || readdirSync(folder).length === 0) giveTo(folder, user)
  })
}

/** Does `make`, and gives the file to the user when it was made by it. */
export function givingTo<T>(path: string, user: ServerUser | undefined, make: () => T): T {
  const wasThere = existsSync(path)
  const made = make()
  if (!wasThere) quietly(() => giveTo(path, user))
  return made
}

/** Only root can. */
function giveTo(path: string, user: ServerUser | undefined): void {
  if (!user || process.geteuid?.() !== 0 || statSync(path).uid === user.uid) return
  chownSync(path, user.uid, user.gid)
}

function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // The file system says it again to whoever writes there.
  }
}
