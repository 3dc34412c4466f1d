import type { SmtpCommand, Reply } from './outcome'

/**
 * Whose fault it is that a copy was not taken, and what that means for it and the others.
 *
 * | fault        | the copy                                 | the connection, and more                  |
 * |--------------|------------------------------------------|-------------------------------------------|
 * | `copy`       | an attempt (`retriesOf`, delivery)       | goes on                                   |
 * | `connection` | goes on over another, three times        | ends; what it took is learned as a limit  |
 * | `host`       | goes on to another address; two for an   | ends; the address comes behind the others |
 * |              | attempt, and then it was one             | for a while                               |
 * | `intake`     | as `host`, but then it waits, uncharged  | as `host`, and all copies go more slowly  |
 *
 * Copies behind it in a window have replies of their own; those that were not begun when a connection
 * is lost are its fault.
 */
export type Fault = 'copy' | 'connection' | 'host' | 'intake'

/** A 4xx or 5xx, and where it came. */
export interface Refusal {
  readonly command: SmtpCommand
  readonly reply: Reply
  /** The connection has taken messages before. */
  readonly used: boolean
  /** BODY: it answers the first octets of the message, and not the last ones after others were taken. */
  readonly firstChunk: boolean
}

/** What a row is about; what it does not name may be anything. */
interface Row {
  readonly codes?: (code: number) => boolean
  /** RFC 3463; a reply without one is '' here. */
  readonly status?: RegExp
  readonly says?: RegExp
  readonly commands?: readonly (SmtpCommand | 'CHUNK')[]
  /** On a connection that has taken no message yet. */
  readonly fresh: Fault
  /** On one that has. */
  readonly used: Fault
}

/**
 * RFC 3463 knows no status for "too much from you": 4.7.0, 4.7.1 and 4.5.3 also stand for greylisting
 * and for rules of other kinds. This is what limits of Postfix, Exim, Sendmail, Courier, Exchange and
 * the large providers say.
 */
const TOO_MUCH =
  /\btoo (many|much|fast)\b|\b(rate|ratelimit\w*|throttl\w*|slow down|flood)\b|\blimit (exceeded|reached)|\bexceed/i

const BEFORE_THE_TEXT = ['CONNECT', 'EHLO', 'STARTTLS', 'MAIL', 'RCPT', 'DATA', 'CHUNK'] as const

/** The first row that fits. The enhanced status says most, then code and command (RFC 5321 4.2.2). */
const ROWS: readonly Row[] = [
  { codes: (code) => code >= 500, fresh: 'copy', used: 'copy' },
  // A message too big for the system.
  { status: /^4\.3\.4$/, fresh: 'copy', used: 'copy' },
  // It was idle for too long.
  { status: /^4\.4\.2$/, codes: is421, fresh: 'connection', used: 'connection' },
  { codes: is421, says: /\btime?d?[- ]?out\b|\bidle\b/i, fresh: 'connection', used: 'connection' },
  // System not accepting messages; 421 with 4.7.0 is Postfix's word for its limits.
  { status: /^4\.3\.2$/, fresh: 'intake', used: 'connection' },
  { status: /^4\.7\.0$/, codes: is421, fresh: 'intake', used: 'connection' },
  { status: /^(4\.[3457]\.\d+)?$/, says: TOO_MUCH, fresh: 'intake', used: 'connection' },
  // Mail system, network and routing.
  { status: /^4\.[34]\./, fresh: 'host', used: 'connection' },
  { codes: is421, fresh: 'host', used: 'connection' },
  { status: /^$/, codes: (code) => code === 452, fresh: 'host', used: 'connection' },
  // Before the text nothing was seen of the copy but its envelope, and the recipient is the same for all.
  { commands: BEFORE_THE_TEXT, fresh: 'host', used: 'connection' },
]

export function faultOf({ command, reply, used, firstChunk }: Refusal): Fault {
  const met = command === 'BODY' && firstChunk ? 'CHUNK' : command
  const row = ROWS.find(
    ({ codes, status, says, commands }) =>
      (codes?.(reply.code) ?? true) &&
      (status?.test(reply.enhanced ?? '') ?? true) &&
      (says?.test(reply.text) ?? true) &&
      (commands?.includes(met) ?? true),
  )
  return row?.[used ? 'used' : 'fresh'] ?? 'copy'
}

/** The server closes the channel, which it may say at any time (RFC 5321 section 3.8). */
function is421(code: number): boolean {
  return code === 421
}
