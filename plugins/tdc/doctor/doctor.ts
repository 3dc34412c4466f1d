import { existsSync, lstatSync, readlinkSync, statSync, statfsSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import {
  closedAbove,
  type Diagnosis,
  mendOf,
  nameOf,
  type Installation,
  quoted,
  userIn,
} from './finding'
import { ofLog } from './log-look'
import { isReadable, tryFolder, unreadableFiles } from './trial'

/** Of a queue of a hundred thousand, these tell whose it is. */
const FILES_LOOKED_AT = 100

/** A clock before the first release of this plugin is not set. */
const FIRST_RELEASE = Date.UTC(2026, 0)

/** Milliseconds that two machines' clocks, or a file's over a network, may be apart. */
const CLOCK_TOLERANCE = 5 * 60_000

const OTHERS = 0o007
const MEGABYTE = 2 ** 20

/** What a start says by itself, and a server that does not run cannot say. */
export function diagnoseKeyMode(directory: string): Diagnosis[] {
  const path = keyPath(directory)
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
  if ((mode & OTHERS) === 0) return []
  const text = `${path} is open to every user: who knows the key can have mail pass for a report`
  return [{ grave: false, text, mend: `chmod 600 ${quoted(path)}, and take a new key` }]
}

/** What is looked at, in the order in which a server meets it. Nothing throws, nothing is changed. */
const LOOKS: readonly ((place: Installation) => readonly Diagnosis[])[] = [
  ofNode,
  ofClock,
  ofUser,
  ofQueueSetting,
  ofQueue,
  ofLog,
  ofRoom,
  ofKey,
  ofSocket,
]

export function diagnose(place: Installation): Diagnosis[] {
  return LOOKS.flatMap((look) => {
    try {
      return look(place)
    } catch (error) {
      // What cannot be looked at is news too, and nothing that ends the others' look.
      return [{ grave: false, text: String(error), mend: 'look at it as root' }]
    }
  })
}

export function diagnosisText({ text, mend }: Diagnosis): string {
  return `${text}; ${mend}`
}

const OLDEST_NODE = 20

function ofNode(): Diagnosis[] {
  const [major = '0'] = process.versions.node.split('.')
  if (Number(major) >= OLDEST_NODE) return []
  const text = `Node.js ${process.versions.node} runs here`
  return [{ grave: true, text, mend: `install ${OLDEST_NODE} or later` }]
}

function ofClock({ now, directory, queue }: Installation): Diagnosis[] {
  const mend =
    'set the clock (timedatectl set-ntp true): certificates and the age of copies need it'
  if (now < FIRST_RELEASE) {
    return [{ grave: true, text: `the clock says ${momentOf(now)}`, mend }]
  }
  return [keyPath(directory), queue].flatMap((path) => {
    const written = existsSync(path) ? statSync(path).mtimeMs : 0
    if (written <= now + CLOCK_TOLERANCE) return []
    const text = `the clock says ${momentOf(now)}, and ${path} was written at ${momentOf(written)}`
    return [{ grave: false, text, mend }]
  })
}

function ofUser({ user }: Installation): Diagnosis[] {
  if (user.kind !== 'unknown') return []
  const { setting, value } = user
  const text = `smtp.ini ${setting}=${JSON.stringify(value)}: the system knows no such ${setting}`
  return [{ grave: true, text, mend: `Haraka ends when it becomes that ${setting}: correct it` }]
}

function ofQueueSetting({ directory, queue, queueSetting, starts }: Installation): Diagnosis[] {
  if (queueSetting === undefined || isAbsolute(queueSetting)) return []
  const path = join(directory, 'config', 'queue_dir')
  const which = starts ? 'now' : 'most often'
  const text = `${path} says ${JSON.stringify(queueSetting)}, a relative path: Haraka takes it from where it is started, ${which} ${queue}`
  return [{ grave: false, text, mend: `echo ${quoted(queue)} > ${quoted(path)}` }]
}

const NOT_KEPT = 'copies cannot be kept or held there'

/** Folders of ours, and what goes wrong where they cannot be written to. */
const PARTS: Readonly<Record<string, string>> = {
  kept: NOT_KEPT,
  hold: NOT_KEPT,
  arriving: NOT_KEPT,
  log: 'copies get queue files in place of the log',
}

function ofQueue({ queue, user, starts }: Installation): Diagnosis[] {
  if (!existsSync(queue)) return [missing(queue, starts)]
  const asker = process.geteuid?.()
  const owner = user.kind === 'user' ? user.user.uid : statSync(queue).uid
  if (asker !== 0 && asker !== owner && !starts) {
    const text = `${queue} is user ${owner}'s: whether copies can be written there was not tried`
    return [{ grave: false, text, mend: 'ask as root, or as that user' }]
  }
  const becomes = userIn(user)
  const own = join(queue, 'error.tdc')
  const folders: [folder: string, what: string][] = [
    [queue, 'no message is copied'],
    [own, NOT_KEPT],
    ...Object.entries(PARTS).map(([name, what]): [string, string] => [join(own, name), what]),
  ]
  const refused = folders.flatMap(([folder, what]) => {
    const trial = tryFolder(folder, becomes)
    if (trial.kind !== 'failed') return []
    const who = nameOf(user)
    const text = `${folder}: ${who} may not write there (${trial.step}: ${trial.why}), ${what}`
    return [{ grave: folder === queue, text, mend: mendOf(trial.why, queue, user) }]
  })
  if (refused.length > 0) return refused
  const device = statSync(queue).dev
  const apart = folders.find(([path]) => existsSync(path) && statSync(path).dev !== device)
  if (apart) {
    const text = `${apart[0]} is on another file system than ${queue}: ${apart[1]}, for nothing can be renamed into it`
    return [{ grave: false, text, mend: `umount ${quoted(apart[0])}` }]
  }
  const unreadable = unreadableFiles(queue, FILES_LOOKED_AT, becomes)
  if (unreadable.length === 0) return []
  const text = `${queue}: ${nameOf(user)} may not read ${unreadable.length} of the first files, such as ${unreadable[0]}`
  return [{ grave: false, text, mend: mendOf('EACCES', queue, user) }]
}

/** Haraka itself ends without it, unless it runs with workers. */
function missing(queue: string, starts: boolean): Diagnosis {
  const target = targetOf(queue)
  if (target !== undefined) {
    const text = `${queue} is a link to ${target}, where nothing is: no message is copied`
    return { grave: true, text, mend: `mkdir -p ${quoted(target)}, or take the link away` }
  }
  const closed = closedAbove(queue, undefined)
  if (closed !== undefined) {
    const text = `${queue}: whether it is there was not seen, ${closed} is closed to this user`
    return { grave: starts, text, mend: 'ask as root, or as the user that starts Haraka' }
  }
  const what = starts ? ', and it could not be made: no message is copied' : ' yet'
  const text = `${queue}: there is no queue directory${what}`
  const mend = starts ? `mkdir -p ${quoted(queue)}` : 'it is made at the start of Haraka'
  return { grave: starts, text, mend }
}

/** Where a link leads; undefined: it is none. */
function targetOf(path: string): string | undefined {
  try {
    return resolve(dirname(path), readlinkSync(path))
  } catch {
    return undefined
  }
}

function ofRoom({ queue, user, minFreeSpace }: Installation): Diagnosis[] {
  if (minFreeSpace === 0 || !existsSync(queue)) return []
  const { bavail, bsize } = statfsSync(queue)
  const free = bavail * bsize
  if (free >= minFreeSpace) return []
  const [left, floor] = [free, minFreeSpace].map((octets) => `${Math.floor(octets / MEGABYTE)} MB`)
  const text = `${queue}: ${left} free, no copy is written below ${floor} (min_free_space)`
  return [{ grave: true, text, mend: mendOf('ENOSPC', queue, user) }]
}

function ofKey({ directory, user }: Installation): Diagnosis[] {
  const path = keyPath(directory)
  if (!existsSync(path) || isReadable(path, userIn(user))) return []
  const text = `${path}: ${nameOf(user)} may not read it, a change of the key is not seen while the server runs`
  return [{ grave: false, text, mend: mendOf('EACCES', path, user) }]
}

function keyPath(directory: string): string {
  return join(directory, 'config', 'tdc.key')
}

function ofSocket({ directory, user }: Installation): Diagnosis[] {
  const path = join(directory, 'tdc.sock')
  const found = lstatSync(path, { throwIfNoEntry: false })
  const own = userIn(user)?.uid ?? process.geteuid?.()
  if (!found) return []
  if (!found.isSocket()) {
    const text = `${path} is a file, where the control socket should be: haraka-tdc cannot reach the server`
    return [{ grave: false, text, mend: `mv ${quoted(path)} elsewhere` }]
  }
  if (own === 0 || found.uid === own) return []
  const text = `${path} belongs to user ${found.uid}, and Haraka runs as user ${own}: its own is beside the queue`
  return [{ grave: false, text, mend: `stop the server that made it, or rm ${quoted(path)}` }]
}

/** UTC, to the second. */
function momentOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
