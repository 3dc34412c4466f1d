import { spawnSync } from 'node:child_process'

/** Whom Haraka becomes when it listens (smtp.ini `user`, `group`). */
export interface ServerUser {
  readonly name: string
  readonly uid: number
  /** As Haraka leaves it: only `group` changes it. */
  readonly gid: number
}

export type ServerUserResult =
  /** It stays whoever started it, or nobody can say whom it becomes. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'user'; readonly user: ServerUser }
  | { readonly kind: 'unknown'; readonly setting: 'user' | 'group'; readonly value: string }

/** No number of a user. */
const UNASKED = -1

/** Milliseconds for the system to look a name up; directories of users may be far away. */
const LOOK_UP_TIME = 5_000

/** `smtp`: the part of smtp.ini that is in no section. */
export function serverUserOf(smtp: Readonly<Record<string, unknown>>): ServerUserResult {
  const [user, group] = [wordOf(smtp['user']), wordOf(smtp['group'])]
  if (user === undefined) return { kind: 'unchanged' }
  const uid = isNumber(user) ? Number(user) : idOf('id', ['-u', '--', user])
  if (uid === undefined) return { kind: 'unknown', setting: 'user', value: user }
  if (uid === UNASKED) return { kind: 'unchanged' }
  const gid = group === undefined ? process.getegid?.() : numberOfGroup(group)
  if (gid === undefined) return { kind: 'unknown', setting: 'group', value: group ?? '' }
  if (gid === UNASKED) return { kind: 'unchanged' }
  return { kind: 'user', user: { name: user, uid, gid } }
}

/**
 * Does `work`, which must not wait, with the rights of `user`, where this process may become somebody
 * else; where it is that user already, or may not, with its own.
 */
export function withRightsOf<T>(user: ServerUser | undefined, work: () => T): T {
  if (!user || user.uid === 0 || process.geteuid?.() !== 0) return work()
  const gid = process.getegid?.() ?? 0
  try {
    // The other groups stay, as they do when Haraka switches.
    process.setegid?.(user.gid)
    process.seteuid?.(user.uid)
    return work()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(gid)
  }
}

function wordOf(value: unknown): string | undefined {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
  return text === '' ? undefined : text
}

function isNumber(name: string): boolean {
  return /^\d+$/.test(name)
}

function numberOfGroup(name: string): number | undefined {
  return isNumber(name) ? Number(name) : idOf('getent', ['group', '--', name])
}

/** Node.js cannot look a user up; the system's own programs ask wherever its users are kept. */
function idOf(program: string, words: readonly string[]): number | undefined {
  const { stdout, status, error } = spawnSync(program, words, {
    encoding: 'utf8',
    timeout: LOOK_UP_TIME,
  })
  // There is no such program, or it does not end: that says nothing of the user.
  if (error) return UNASKED
  // The number alone, or the third part of a line of /etc/group.
  const [, id] = /^(?:[^:]*:[^:]*:)?(\d+)(?::|\s*$)/.exec(stdout ?? '') ?? []
  return status === 0 && id !== undefined ? Number(id) : undefined
}
