import { createHash } from 'node:crypto'

const CRLF = '\r\n'
const HEADER_END = Buffer.from('\r\n\r\n')

/**
 * What a reader is shown of a message beside its body. Others are added, taken away and put in another
 * order on the way (RFC 5321 4.4, and many filters); of these a second one counts as well.
 */
const SHOWN = `from sender reply-to to cc subject mime-version content-type
  content-transfer-encoding`.split(/\s+/)

/**
 * The hash of a copy's content. The lead, what of the body stands in front of the original, comes last:
 * it is known only when the original was read.
 */
export class ReportDigest {
  private readonly hash = createHash('sha256')

  /** The body behind the lead, in order. */
  push(piece: Buffer): void {
    this.hash.update(piece)
  }

  /** May be asked again, for another lead. */
  end(lead: Buffer, header: Buffer): string {
    return this.hash.copy().update(lead).update(shownFields(header)).digest('base64url')
  }
}

/** A message on its way through a digest: its header, then so many octets of lead, then the rest. */
export class MessageDigest {
  private readonly rest = new ReportDigest()
  private front: Buffer[] = []
  private octets = 0
  private split: { header: Buffer; lead: Buffer } | undefined

  constructor(private readonly leadOctets: number) {}

  push(piece: Buffer): void {
    if (this.split) return this.rest.push(piece)
    this.front.push(piece)
    this.octets += piece.length
    const from = Math.max(0, this.octets - piece.length - HEADER_END.length)
    if (this.bodyAt === undefined) this.lookFrom(from)
    if (this.bodyAt !== undefined && this.octets >= this.bodyAt + this.leadOctets)
      this.cut(this.bodyAt)
  }

  end(): string {
    const { header, lead } = this.split ?? this.cut(this.bodyAt ?? this.octets)
    return this.rest.end(lead, header)
  }

  /** Where the body begins. */
  private bodyAt: number | undefined

  private lookFrom(from: number): void {
    const whole = (this.front = [Buffer.concat(this.front)])[0] as Buffer
    const at = whole.subarray(0, 2).toString() === CRLF ? -2 : whole.indexOf(HEADER_END, from)
    if (at !== -1) this.bodyAt = at + HEADER_END.length
  }

  private cut(bodyAt: number): { header: Buffer; lead: Buffer } {
    const whole = Buffer.concat(this.front)
    this.front = []
    const end = Math.min(whole.length, bodyAt + this.leadOctets)
    this.rest.push(whole.subarray(end))
    return (this.split = { header: whole.subarray(0, bodyAt), lead: whole.subarray(bodyAt, end) })
  }
}

/** Of each, folded or not, its name and what follows the colon. */
const SHOWN_FIELD = new RegExp(
  `(?:^|\\n)(${SHOWN.join('|')})(?:\\r?\\n[ \\t]|[ \\t])*:([^\\n]*(?:\\n[ \\t][^\\n]*)*)`,
  'gi',
)

/** Canonical as DKIM's relaxed header is (RFC 6376 3.4.2): folding and blanks may change on the way. */
function shownFields(header: Buffer): string {
  const shown = new Map<string, string>()
  for (const [, name = '', value = ''] of header.toString('latin1').matchAll(SHOWN_FIELD)) {
    const key = name.toLowerCase()
    const relaxed = value.replace(/(?:(?:\r?\n)?[ \t])+/g, ' ').trim()
    shown.set(key, `${shown.get(key) ?? ''}${key}:${relaxed}\n`)
  }
  return SHOWN.map((name) => shown.get(name) ?? '').join('')
}
