import { asciiAddress, headerDomain, mailboxPieces } from './ascii-address'
import { clientIpText } from './client-ip'
import { dateText } from './date-text'
import { envelopePart } from './envelope-part'
import { headerField, piecesOf } from './header-field'
import { asciiText } from './header-value'
import { safeId } from './loop-token'
import { parentMessageIdField } from './message-id'
import type { BareCr } from './line-ends'
import type { HeadTraits } from './original-filter'
import { LEADING_FOLD_HEADER, foldGuard, ownHeader } from './own-header'
import type { ReportFacts } from './report'
import { subjectField } from './subject'

/** RFC 5322 2.2: printable ASCII without the colon; the length leaves room for a value on the line. */
const FIELD_NAME = /^[!-9;-~]{1,76}$/

export interface JournalOptions {
  /** Value of X-MS-Journal-Report; '' leaves it empty, as Exchange Online does. */
  readonly markerValue: string
  /** Mailbox for From; undefined: `"Journal" <postmaster@GATEWAY>`. */
  readonly from?: string | undefined
  /** Header that names the client's IP on top of the attached original; undefined: none. */
  readonly remoteIpHeader?: string | undefined
  readonly bareCr: BareCr
  /** Value of X-Haraka-TDC, or what makes it of all else that stands in front of the original. */
  readonly token: string | SignHead
}

/** `lead`: the beginning of the body, up to the original; `header`: the report's, but for the token. */
export type SignHead = (lead: Buffer, header: Buffer) => string

/**
 * Header fields to take out of the attached original: only what may be put on top of it. A forged
 * X-Haraka-TDC stays, it is evidence there; only the report's own header is asked for it.
 */
export function journalRemovals(remoteIpHeader: string | undefined): readonly string[] {
  return remoteIpHeader === undefined ? [] : [remoteIpHeader, LEADING_FOLD_HEADER]
}

/** The report up to where the original begins. */
export function journalHead(
  facts: ReportFacts,
  options: JournalOptions,
  boundary: string,
  traits: HeadTraits,
): Buffer {
  const part = envelopePart(facts)
  const eightBit = traits.eightBit || part.eightBit
  const header = bytesOf([
    ...addressing(facts, options),
    ...mimeHeader(boundary, eightBit),
    headerField('X-MS-Journal-Report', piecesOf(asciiText(options.markerValue))).trimEnd(),
    ...parentMessageIdField(facts.messageId),
    'Auto-Submitted: auto-generated',
  ])
  const lead = bytesOf([
    `--${boundary}`,
    ...part.lines,
    '',
    `--${boundary}`,
    'Content-Type: message/rfc822',
    // RFC 2045 6.4: a composite part may say 8bit, but must not be encoded.
    ...(traits.eightBit ? ['Content-Transfer-Encoding: 8bit'] : []),
    'Content-Disposition: attachment',
    '',
    ...topOfOriginal(facts, options, traits),
  ])
  const token = typeof options.token === 'string' ? options.token : options.token(lead, header)
  return Buffer.concat([header, bytesOf([...ownHeader(token, traits), '']), lead])
}

function bytesOf(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n`)
}

/** The end of the report. Its first CRLF belongs to the delimiter (RFC 2046 5.1.1), not the original. */
export function journalTail(boundary: string): Buffer {
  return Buffer.from(`\r\n--${boundary}--\r\n`)
}

function addressing(facts: ReportFacts, options: JournalOptions): string[] {
  const gateway = headerDomain(facts.gateway)
  const from = options.from ?? `"Journal" <postmaster@${gateway}>`
  return [
    headerField('From', mailboxPieces('From', from)),
    `To: <${asciiAddress(facts.intake)}>`,
    subjectField(facts.subject),
    `Date: ${dateText(facts.date)}`,
    `Message-ID: <${safeId(facts.mid)}@${gateway}>`,
  ]
}

function mimeHeader(boundary: string, eightBit: boolean): string[] {
  const fields = ['MIME-Version: 1.0', `Content-Type: multipart/mixed;\r\n\tboundary="${boundary}"`]
  // RFC 2045 6.4: a multipart with an 8bit part in it is 8bit itself.
  return eightBit ? [...fields, 'Content-Transfer-Encoding: 8bit'] : fields
}

function topOfOriginal(facts: ReportFacts, options: JournalOptions, traits: HeadTraits): string[] {
  const name = options.remoteIpHeader
  if (name === undefined || !FIELD_NAME.test(name)) return []
  return [`${name}: ${clientIpText(facts.clientIp)}`, ...foldGuard(traits)]
}
