import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, sep } from 'node:path'
import { QUEUE_DOMAIN } from '../base/names'
import { someRandom } from '../base/random'
import type { Outbound } from './contract'

/** What the head of a queue file says beside Haraka's own fields. */
export interface TodoFacts {
  readonly mid: string
  /** `user@domain` of the intake; Haraka's tools list it as the recipient. */
  readonly intake: string
  /** Our own small notes; never the transaction's, which hold cycles. */
  readonly notes: object
}

export interface QueueFileName {
  readonly name: string
  readonly path: string
  /** Where it is written before the rename. Haraka removes such names at start. */
  readonly temporaryPath: string
}

/**
 * Our own folder in the queue directory: there a rename from the queue works, whatever is mounted
 * where and whoever may write beside it. Haraka leaves alone what begins with `error.`.
 */
const OWN_FOLDER = 'error.tdc'

/** The unique part of our files' names begins so; Haraka keeps it through all renames. */
const OWN_UNIQUE = 'tdc'
const UNIQUE_OCTETS = 4

/** Of the name of a log, beside the number of its process. */
const LOG_OCTETS = 8

/** Octets; file systems end at 255. */
const LONGEST_FOLDER_NAME = 200

/** Between the unique part of a file name, letters and digits, and a tag of ours. */
const TAG_SIGN = '.'

/** Letters, digits and dashes: what another machine calls its copy leads out of no directory, and ends no line. */
const TAG = `\\${TAG_SIGN}[0-9A-Za-z-]*`

const OWN_NAME = new RegExp(`^${OWN_UNIQUE}[0-9a-f]{${UNIQUE_OCTETS * 2}}(${TAG})?$`)

/** Between a file's name in its queue directory and what tells the arrivals of one file apart. */
const ARRIVAL_SIGN = '~'
const ARRIVAL_TAG = new RegExp(`${ARRIVAL_SIGN}${OWN_UNIQUE}[0-9a-f]{${UNIQUE_OCTETS * 2}}$`)

const NULL_SENDER = { original: '<>', user: '', host: '' }

/** Haraka's queue directory: how files are named there, and how their head is written. */
export class QueueDirectory {
  readonly path: string
  private readonly outbound: Outbound
  /** Of this machine, as long as the process runs. */
  private readonly host = hostname()

  constructor(outbound: Outbound) {
    this.outbound = outbound
    this.path = outbound.stats().queue_dir
  }

  newFile(): QueueFileName {
    return this.fileNamed(this.outbound.qfile.name({ uid: uniquePart(), host: this.host }))
  }

  fileNamed(name: string): QueueFileName {
    const pathOf = (file: string) => this.pathOf(file)
    const { platformDOT } = this.outbound.qfile
    return {
      name,
      get path() {
        return pathOf(name)
      },
      get temporaryPath() {
        return pathOf(platformDOT + name)
      },
    }
  }

  pathOf(name: string): string {
    return join(this.path, name)
  }

  /** Beside Haraka's queue files, for what the user that Haraka became writes. */
  get ownFolder(): string {
    return ownFolderIn(this.path)
  }

  /** Where copies are kept that were given up. */
  get keptFolder(): string {
    return join(this.path, OWN_FOLDER, 'kept')
  }

  keptPath(file: string): string {
    return join(this.keptFolder, file)
  }

  /** Where it stands which copies were given up lately. */
  get lostFolder(): string {
    return join(this.path, OWN_FOLDER, 'lost')
  }

  /** Where the processes have their logs, a folder each. */
  get logFolder(): string {
    return logFolderIn(this.path)
  }

  /** The folder of a new log, which nobody else has. */
  newLogFolder(): string {
    return join(this.logFolder, `${process.pid}.${randomBytes(LOG_OCTETS).toString('hex')}`)
  }

  /** The last 24 hours, for the page's chart after a restart. */
  get dayPath(): string {
    return join(this.path, OWN_FOLDER, 'day.lines')
  }

  /** Where holds are noted, a file for each. */
  get holdFolder(): string {
    return join(this.path, OWN_FOLDER, 'hold')
  }

  holdPath(name: string): string {
    return join(this.holdFolder, name)
  }

  /** What the machines share, as it was last in force here. */
  get sharedSettingsPath(): string {
    return sharedSettingsIn(this.path)
  }

  /**
   * Where copies lie that come from the queue directory `from` on another file system, until they
   * are gone there: one folder for each, whose name tells which.
   */
  arrivalFolder(from: string): string {
    return join(this.arrivalsFolder, encodeURIComponent(from).slice(-LONGEST_FOLDER_NAME))
  }

  /** For a file among the arrivals: a name that nobody else has for it. */
  arrivalName(name: string): string {
    return `${name}${ARRIVAL_SIGN}${uniquePart()}`
  }

  /** The name that the file of an arrival has in its queue directory. */
  nameOfArrival(file: string): string {
    return file.replace(ARRIVAL_TAG, '')
  }

  get arrivalsFolder(): string {
    return join(this.path, OWN_FOLDER, 'arriving')
  }

  /** At start, before any copy is sent: so it is waited for. Throws when they cannot be read. */
  holdNames(): string[] {
    return existsSync(this.holdFolder) ? readdirSync(this.holdFolder) : []
  }

  /** The name that tells Haraka's loader when to try next and how often it was tried. */
  retryName(name: string, nextAttempt: number, attempts: number): string {
    const { qfile } = this.outbound
    return qfile.name({ ...this.parts(name), next_attempt: Math.round(nextAttempt), attempts })
  }

  /** A name for a file with a tag of ours, which stays when Haraka or a retry renames it. */
  taggedName(tag: string): string {
    return this.outbound.qfile.name({ uid: `${uniquePart()}${TAG_SIGN}${tag}` })
  }

  /** The tag in a file's name; '' when it has none. */
  tagOf(name: string): string {
    const uid = this.parts(name)?.uid ?? ''
    const at = uid.indexOf(TAG_SIGN)
    return at < 0 ? '' : uid.slice(at + TAG_SIGN.length)
  }

  /** What stays of a file's name whenever it is renamed. */
  uniqueOf(name: string): string {
    return this.parts(name)?.uid ?? name
  }

  /** A name that we gave, whatever the file holds. */
  isOwnName(name: string): boolean {
    const [, , , , uid = ''] = name.split('_')
    return OWN_NAME.test(uid) && this.parts(name) !== null
  }

  /** The process whose file it is, or was when it was written. */
  pidOf(name: string): number {
    return this.parts(name)?.pid ?? 0
  }

  /** A complete queue file, whosever. */
  isQueueName(name: string): boolean {
    return /^\d/.test(name) && this.parts(name) !== null
  }

  /** The process of this machine that has the file, by its name; undefined: of another machine. */
  ownerHere(name: string): number | undefined {
    const { qfile } = this.outbound
    const parts = this.parts(name)
    const here = this.parts(qfile.name({ host: this.host }))
    return parts && parts.host === here?.host ? parts.pid : undefined
  }

  /** Haraka throws at the empty name, which a record may have. */
  private parts(name: string): ReturnType<Outbound['qfile']['parts']> {
    return name === '' ? null : this.outbound.qfile.parts(name)
  }

  /** A name of this process for a file of another server, due now; attempts and tag stay. */
  adoptedName(name: string): string {
    const { qfile } = this.outbound
    const { arrival, attempts, uid } = this.parts(name) ?? {}
    return qfile.name({
      ...(arrival && { arrival }),
      ...(attempts && { attempts }),
      uid: uid && this.isOwnName(name) ? uid : uniquePart(),
    })
  }

  /** Milliseconds since 1970 before which Haraka does not load the file. */
  nextAttemptOf(name: string): number {
    return this.parts(name)?.next_attempt ?? 0
  }

  /** Charged attempts that a file name tells of; 0 when it cannot be read. */
  attemptsOf(name: string): number {
    return this.parts(name)?.attempts ?? 0
  }

  /** The name under which Haraka leaves a file alone for ever, as it does with damaged ones. */
  asideName(name: string): string {
    return `error.${name}`
  }

  /** The head of a queue file: four bytes of length, then JSON, in Haraka's own writing. */
  head({ mid, intake, notes }: TodoFacts): Buffer {
    const at = intake.lastIndexOf('@')
    const [user, host] = [intake.slice(0, at), intake.slice(at + 1)]
    const recipient = { original: `<${intake}>`, original_host: host, host, user }
    const todo = new this.outbound.TODOItem(QUEUE_DOMAIN, [recipient], {
      mail_from: NULL_SENDER,
      notes: { tdc: notes },
      uuid: mid,
    })
    let head: Buffer | undefined
    const sink = { write: (bytes: Buffer) => ((head = bytes), true) }
    this.outbound.build_todo(todo, sink, () => {})
    if (!head) throw new Error('outbound.build_todo wrote nothing')
    return head
  }
}

/** In the queue directory `path`. */
export function logFolderIn(path: string): string {
  return join(path, OWN_FOLDER, 'log')
}

/** The queue directory that a folder of ours is in; undefined: it is none of ours. */
export function queueAbove(path: string): string | undefined {
  const at = path.lastIndexOf(`${sep}${OWN_FOLDER}`)
  return at < 0 ? undefined : path.slice(0, at)
}

export function ownFolderIn(path: string): string {
  return join(path, OWN_FOLDER)
}

/** In the queue directory `path`. */
export function sharedSettingsIn(path: string): string {
  return join(path, OWN_FOLDER, 'shared-settings.json')
}

function uniquePart(): string {
  return OWN_UNIQUE + someRandom(UNIQUE_OCTETS).toString('hex')
}

/**
 * The same head, filled up with blanks to `length` octets. JSON does not mind them; so the report's
 * first lines, which depend on the whole original, can be written after it (queue/spool.ts).
 */
export function padHead(head: Buffer, length: number): Buffer {
  if (head.length > length)
    throw new Error(`queue file head of ${head.length} octets, ${length} reserved`)
  const padded = Buffer.alloc(length, ' ')
  head.copy(padded, 0, 0, head.length - 1)
  padded.write('\n', length - 1)
  padded.writeUInt32BE(length - 4, 0)
  return padded
}
