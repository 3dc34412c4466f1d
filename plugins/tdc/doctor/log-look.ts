import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  statfsSync,
} from 'node:fs'
import { join } from 'node:path'
import { LOG_NAME, readSegment, SEGMENT_NAME, SEGMENT_SIZE } from '../queue/log/format'
import { isRunning } from '../base/running-process'
import { type Diagnosis, mendOf, nameOf, type Installation, quoted, userIn } from './finding'
import { firstNames, isReadable } from './trial'

/** A segment that was set aside (docs/log-format.md). */
const SET_ASIDE = /^error\.tdc\.\d+\.[0-9a-f]+\.\d+\.log$/

/** What is looked at: a server has a log for each process, of a few segments. */
const [MOST_NAMES, MOST_READ] = [10_000, 16]

const MEGABYTE = 2 ** 20

/** The log of copies: what is in its way, and what stands in it that nobody takes. */
export function ofLog(place: Installation): Diagnosis[] {
  const { queue, starts, user } = place
  const folder = join(queue, 'error.tdc', 'log')
  const { segments, foreign } = filesIn(folder)
  const found: Diagnosis[] = []
  const [stranger] = foreign
  if (stranger !== undefined) {
    const text = `${folder}: ${foreign.length} names are no log, such as ${stranger}: nobody reads them`
    found.push({ grave: false, text, mend: `mv ${quoted(stranger)} elsewhere` })
  }
  const locked = segments.filter(({ path }) => !isReadable(path, userIn(user)))
  const [first] = locked
  if (first) {
    const text = `${folder}: ${nameOf(user)} may not read ${locked.length} segments, such as ${first.path}: their copies are not sent`
    found.push({ grave: false, text, mend: mendOf('EACCES', folder, user) })
  }
  // A start takes logs over, and tells of damage itself.
  if (!starts) found.push(...damageOf(segments))
  return [...found, ...setAside(queue), ...ofSegmentRoom(place)]
}

interface SegmentFile {
  readonly path: string
  /** Nobody writes it any more. */
  readonly isLeft: boolean
}

function filesIn(folder: string): { segments: SegmentFile[]; foreign: string[] } {
  const [segments, foreign]: [SegmentFile[], string[]] = [[], []]
  for (const name of namesIn(folder)) {
    const [path, log] = [join(folder, name), LOG_NAME.exec(name)?.groups]
    if (!log || lstatSync(path).isDirectory() === false) {
      foreign.push(path)
      continue
    }
    const isLeft = log['free'] !== undefined || !isRunning(Number(log['pid']))
    for (const file of namesIn(path)) {
      const own = join(path, file)
      if (SEGMENT_NAME.test(file) && lstatSync(own).isFile()) segments.push({ path: own, isLeft })
      else foreign.push(own)
    }
  }
  return { segments, foreign }
}

/** What is being written may look so at any moment. */
function damageOf(segments: readonly SegmentFile[]): Diagnosis[] {
  const left = segments.filter(({ isLeft }) => isLeft).slice(0, MOST_READ)
  return left.flatMap(({ path }) => {
    const octets = contentOf(path)
    if (octets === undefined || !readSegment(octets).damaged) return []
    const text = `${path}: a part of this segment cannot be read, copies in it are lost`
    const mend =
      'those around it are sent at the next start, and it is set aside: look at its disk (dmesg)'
    return [{ grave: false, text, mend }]
  })
}

function setAside(queue: string): Diagnosis[] {
  const names = namesIn(queue).filter((name) => SET_ASIDE.test(name))
  const [first] = names
  if (first === undefined) return []
  const path = join(queue, first)
  const text = `${queue}: ${names.length} damaged segments of the log were set aside, such as ${first}: copies in them are lost`
  return [{ grave: false, text, mend: `rm ${quoted(path)}, when nobody wants to look at it` }]
}

function ofSegmentRoom({ queue, user, writesLog, minFreeSpace }: Installation): Diagnosis[] {
  if (!writesLog || !existsSync(queue)) return []
  const { bavail, bsize } = statfsSync(queue)
  const free = bavail * bsize
  // Too little for any copy is said elsewhere.
  if (free < minFreeSpace || free >= minFreeSpace + SEGMENT_SIZE) return []
  const text = `${queue}: ${Math.floor(free / MEGABYTE)} MB free, no segment of the log can be made: each copy is a file, and slower`
  return [{ grave: false, text, mend: mendOf('ENOSPC', queue, user) }]
}

/** None where there is no such folder, or where it may not be looked into. */
function namesIn(folder: string): string[] {
  try {
    return firstNames(folder, MOST_NAMES)
  } catch {
    return []
  }
}

function contentOf(path: string): Buffer | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const octets = Buffer.alloc(Math.min(fstatSync(file).size, SEGMENT_SIZE))
      return octets.subarray(0, readSync(file, octets, 0, octets.length, 0))
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined
  }
}
