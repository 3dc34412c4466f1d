import { safeText } from '../base/text'
import { parseLogLine } from './log-line'

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
