import { realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCode } from '../base/error-code'
import { type ServerUser, type ServerUserResult, withRightsOf } from './server-user'

/** A server of Haraka on this machine, as it starts or would start. */
export interface Installation {
  /** Where `haraka -c` points. */
  readonly directory: string
  /** The queue directory. */
  readonly queue: string
  readonly user: ServerUserResult
  /** It starts, and would have made what is missing. */
  readonly starts: boolean
  /** The path in config/queue_dir, as it stands there. */
  readonly queueSetting: string | undefined
  /** Copies are written to the log (`[queue] write_ahead=log`). */
  readonly writesLog: boolean
  /** Octets that must stay free on the disk of the queue; 0: no limit. */
  readonly minFreeSpace: number
  /** Milliseconds since 1970. */
  readonly now: number
}

/** `grave`: no message would be copied, or the server does not start. */
export interface Diagnosis {
  readonly grave: boolean
  /** What is wrong, with path, user and the system's own word for it. */
  readonly text: string
  /** A command, or what to do where no command can. */
  readonly mend: string
}

/** For a shell, whatever the path has in it. */
export function quoted(path: string): string {
  return /^[\w./@%+:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}

const MENDS: Readonly<Record<string, (path: string) => string>> = {
  EROFS: (path) => `mount -o remount,rw the file system of ${path}`,
  ENOSPC: (path) => `make room: df -h ${quoted(path)}; df -i ${quoted(path)}`,
  EDQUOT: (path) => `raise the quota of the file system of ${path}`,
  ENOTDIR: (path) => `${path} is no directory: move it away`,
}

/** What mends it that the system says `why` of `path`. */
export function mendOf(why: string, path: string, user: ServerUserResult): string {
  const known = MENDS[why]
  if (known) return known(path)
  const real = realPathOf(path)
  const closed = closedAbove(real, userIn(user))
  if (closed !== undefined)
    return `chmod o+x ${quoted(closed)}: on the way, and closed to that user`
  const owner = user.kind === 'user' ? user.user.name : String(process.geteuid?.() ?? '')
  return `chown -R ${quoted(owner)} ${quoted(real)}`
}

/** Where the links lead: `chown -R` leaves alone what is behind one. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** The uppermost directory above `path` that the user may not pass through. */
export function closedAbove(path: string, user: ServerUser | undefined): string | undefined {
  const above: string[] = []
  for (let at = dirname(path); above[0] !== at; at = dirname(at)) above.unshift(at)
  return withRightsOf(user, () => above.find((folder) => !isOpen(folder)))
}

function isOpen(folder: string): boolean {
  try {
    statSync(`${folder}/.`)
    return true
  } catch (error) {
    return errorCode(error) !== 'EACCES'
  }
}

export function userIn(result: ServerUserResult): ServerUser | undefined {
  return result.kind === 'user' ? result.user : undefined
}

export function nameOf(result: ServerUserResult): string {
  if (result.kind === 'user') return `user ${result.user.name}`
  return process.geteuid?.() === 0 ? 'root' : `user ${process.geteuid?.() ?? ''}`
}
