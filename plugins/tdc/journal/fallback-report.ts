/** Says of a copy that its original is a file in it, and why. */
export const FALLBACK_HEADER = 'X-TDC-Fallback'

/** A report with its original as a file in base64, which any server takes. */
export interface FallbackReport {
  /** Octets up to where the original begins, before and after. */
  readonly before: number
  readonly head: Buffer
  readonly tail: Buffer
}

const EMPTY_LINE = '\r\n\r\n'
const BOUNDARY = /\r\nContent-Type: multipart\/mixed;\r\n\tboundary="([^"]+)"\r\n/
const EIGHT_BIT = 'Content-Transfer-Encoding: 8bit'

/** RFC 2045 6.8: 57 octets are a line of 76 characters. */
export const LINE_OCTETS = 57

/**
 * What the beginning of a report of ours becomes. undefined: the original begins further on, or this is
 * no report. The envelope part stays the same text; where it is 8-bit it is quoted-printable.
 */
export function fallbackReport(beginning: Buffer): FallbackReport | undefined {
  const text = beginning.toString('latin1')
  const headerEnd = text.indexOf(EMPTY_LINE)
  const boundary = BOUNDARY.exec(text.slice(0, headerEnd + 2))?.[1]
  if (boundary === undefined) return undefined
  const delimiter = `\r\n--${boundary}\r\n`
  // The empty line above the first delimiter ends the header.
  const envelopePart = headerEnd + 2 + delimiter.length
  const attached = text.indexOf(delimiter, envelopePart)
  const original = attached < 0 ? -1 : text.indexOf(EMPTY_LINE, attached + delimiter.length)
  if (original < 0) return undefined
  const head = [
    withoutEightBit(text.slice(0, headerEnd)),
    `\r\n${FALLBACK_HEADER}: original.eml\r\n${delimiter}`,
    inSevenBit(text.slice(envelopePart, attached)),
    delimiter,
    'Content-Type: application/octet-stream; name="original.eml"\r\n',
    'Content-Transfer-Encoding: base64\r\n',
    'Content-Disposition: attachment; filename="original.eml"',
    EMPTY_LINE,
  ]
  return {
    before: original + EMPTY_LINE.length,
    head: Buffer.from(head.join(''), 'latin1'),
    tail: Buffer.from(`\r\n--${boundary}--\r\n`),
  }
}

/** So many octets in base64, line ends counted. */
export function base64Size(octets: number): number {
  const rest = octets % LINE_OCTETS
  const whole = ((octets - rest) / LINE_OCTETS) * (76 + 2)
  return whole + (rest > 0 ? Math.ceil(rest / 3) * 4 + 2 : 0)
}

/** Octets as lines of base64; of a piece that is not the last, a multiple of `LINE_OCTETS`. */
export function base64Lines(octets: Buffer): Buffer {
  return Buffer.from(octets.toString('base64').replace(/.{1,76}/g, '$&\r\n'))
}

function withoutEightBit(header: string): string {
  return header.replace(`\r\n${EIGHT_BIT}`, '')
}

function inSevenBit(part: string): string {
  if (!/[^\0-\x7f]/.test(part)) return part
  const [header = '', ...body] = part.split(EMPTY_LINE)
  const lines = body.join(EMPTY_LINE).split('\r\n').map(quotedPrintable)
  const encoding = 'Content-Transfer-Encoding: quoted-printable'
  return [header.replace(EIGHT_BIT, encoding), lines.join('\r\n')].join(EMPTY_LINE)
}

/** RFC 2045 6.7: lines of at most 76 characters, `=` and what is not printable ASCII in hex. */
function quotedPrintable(line: string): string {
  const encoded = line.replace(/[^ -<>-~]| $/g, (octet) => {
    const hex = octet.charCodeAt(0).toString(16).toUpperCase()
    return `=${hex.padStart(2, '0')}`
  })
  return encoded.replace(/((?:=..|[^=]){1,73})(?=.)/g, '$1=\r\n')
}
