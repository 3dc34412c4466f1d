import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline, type Readable } from 'node:stream'
import * as zlib from 'node:zlib'
import { safeText } from '../base/text'

export interface LogStep {
  readonly time: string
  /** MID or transaction. */
  readonly uuid: string
  readonly text: string
}

/** Transactions that one search follows; an address of everybody would follow them all. */
const MOST_FOLLOWED = 10_000

/** `UUID.1` or `UUID.1.tdc1`: the message, and its copies; a bare UUID is a connection. */
const TRANSACTION = /^([0-9A-F-]{36}\.\d+)(?:\.tdc\d+)?$/i

/**
 * Finds the connector's lines about one message, or about the mail of one address, in a log that
 * goes by line by line. A message is followed from the line on that names what is looked for:
 * Haraka's own lines on the envelope and the connector's first line with the Message-ID come before
 * all others.
 */
export class LogSearch {
  private readonly followed = new Set<string>()
  private readonly wanted: string

  constructor(wanted: string) {
    this.wanted = wanted.trim().toLowerCase()
    const transaction = transactionOf(this.wanted)
    if (transaction) this.followed.add(transaction)
  }

  /** The step that this line tells of; undefined: it is about something else. */
  take(line: string): LogStep | undefined {
    const mayMatch = this.wanted !== '' && line.toLowerCase().includes(this.wanted)
    if (!mayMatch && !this.mayBeFollowed(line)) return undefined
    const parsed = parseLogLine(line)
    const transaction = parsed && transactionOf(parsed.uuid.toLowerCase())
    if (!parsed || !transaction) return undefined
    if (mayMatch && this.followed.size < MOST_FOLLOWED) this.followed.add(transaction)
    if (parsed.origin !== 'tdc' || !this.followed.has(transaction)) return undefined
    const { time, uuid, text } = parsed
    return { time: safeText(time), uuid: safeText(uuid), text: safeText(text) }
  }

  /** Most lines of a long log are looked at no closer than this. */
  private mayBeFollowed(line: string): boolean {
    return this.followed.size > 0 && line.includes('tdc')
  }
}

function transactionOf(uuid: string): string | undefined {
  return TRANSACTION.exec(uuid)?.[1]?.toLowerCase()
}

/** One line of Haraka's log. */
interface LogLine {
  /** What stood before Haraka's own part, or in it: the time, if the log has one. */
  readonly time: string
  readonly uuid: string
  /** The plugin, or a part of Haraka. */
  readonly origin: string
  readonly text: string
}

/** `[INFO] [UUID.1] [tdc] text`, behind whatever syslog or Haraka's timestamps put in front. */
const DEFAULT_FORMAT = /^(.*?)\[[A-Z]+\] \[([^\]]*)\] \[([^\]]*)\] (.*)$/

/** Of the values in logfmt: quoted when they hold blanks. */
const LOGFMT_FIELD = /(\w+)=("(?:[^"\\]|\\.)*"|\S*)/g

/** A line in any of Haraka's formats (log.ini format); undefined: it is none. */
export function parseLogLine(line: string): LogLine | undefined {
  const [, time = '', uuid = '', origin = '', text = ''] = DEFAULT_FORMAT.exec(line) ?? []
  if (origin) return { time: time.trim(), uuid, origin, text }
  const json = line.indexOf('{')
  return (json < 0 ? undefined : parseJson(line, json)) ?? parseLogfmt(line)
}

function parseJson(line: string, at: number): LogLine | undefined {
  try {
    const fields = JSON.parse(line.slice(at)) as Record<string, unknown>
    return fieldsLine(line.slice(0, at), fields)
  } catch {
    return undefined
  }
}

function parseLogfmt(line: string): LogLine | undefined {
  const at = line.indexOf('level=')
  if (at < 0) return undefined
  const fields: Record<string, unknown> = {}
  for (const [, name = '', value = ''] of line.slice(at).matchAll(LOGFMT_FIELD)) {
    fields[name] = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
  }
  return fieldsLine(line.slice(0, at), fields)
}

function fieldsLine(before: string, fields: Record<string, unknown>): LogLine | undefined {
  const { uuid, origin, message, timestamp } = fields
  if (typeof uuid !== 'string' || typeof origin !== 'string' || typeof message !== 'string') {
    return undefined
  }
  const time = before.trim() || (typeof timestamp === 'string' ? timestamp : '')
  return { time, uuid, origin, text: message }
}

/** By the ending of the file's name. Zstandard is in Node 22.15 and later; xz in none. */
const OPENERS: Readonly<Record<string, (() => NodeJS.ReadWriteStream) | undefined>> = {
  gz: zlib.createGunzip,
  br: zlib.createBrotliDecompress,
  zst: (zlib as { createZstdDecompress?: () => NodeJS.ReadWriteStream }).createZstdDecompress,
  xz: undefined,
  bz2: undefined,
}

/** The lines of a log file, one after the other, whatever its length. `-` is standard input. */
export async function* linesOfLog(file: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : opened(file)
  let failure: Error | undefined
  input.on('error', (error: Error) => (failure = error))
  yield* createInterface({ input, crlfDelay: Infinity })
  if (failure) throw failure
}

function opened(file: string): Readable {
  const ending = /\.(\w+)$/.exec(file)?.[1] ?? ''
  if (!Object.hasOwn(OPENERS, ending)) return createReadStream(file)
  const opener = OPENERS[ending]
  if (!opener) {
    throw new Error(`this Node cannot read .${ending}: unpack it, and give its text with --log -`)
  }
  const unpacked = opener() as unknown as Readable & NodeJS.WritableStream
  // The error is told once, by the stream that is read.
  pipeline(createReadStream(file), unpacked, () => {})
  return unpacked
}
