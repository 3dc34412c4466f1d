/** C0, DEL, C1, lone surrogates, U+2028, U+2029 and the bidirectional controls. */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_C}]/gu

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

/**
 * More of a value is not looked at: it holds a full line in the widest encoding, three characters
 * an octet and a fifth more for the encoded words, and keeps the cost of a hostile one small.
 */
const RAW_LIMIT = 4096

/** Longest line without its CRLF (RFC 5322 2.1.1). */
export const LINE_LIMIT = 998

/** Octets of one value in a line of the report: fits with the longest label. */
export const VALUE_LIMIT = 980

/** Octets of a value in a header line of ours: fits with the longest header name. */
export const HEADER_VALUE_LIMIT = 900

/** Removes the line ends of folding (RFC 5322 2.2.3); Haraka hands them on with LF alone. */
export function unfold(value: string): string {
  return value.slice(0, RAW_LIMIT).replace(/\r?\n(?=[ \t])/g, '')
}

export function isPrintableAscii(text: string): boolean {
  return PRINTABLE_ASCII.test(text)
}

/** One line of text without control characters, at most so many octets of UTF-8. */
export function safeText(value: string, octets: number): string {
  const text = value.slice(0, RAW_LIMIT).replace(UNSAFE, ' ').trim()
  return cut(text, octets).trimEnd()
}

/** As `safeText`, in ASCII: for values that are ASCII unless somebody lies. */
export function asciiText(value: string): string {
  return safeText(value, HEADER_VALUE_LIMIT).replace(/[^\x20-\x7e]/gu, '?')
}

/** At most so many octets of UTF-8, never half a character. */
export function cut(text: string, octets: number): string {
  const encoded = Buffer.from(text)
  if (encoded.length <= octets) return text
  let end = octets
  while (end > 0 && isContinuation(encoded[end] as number)) end--
  return encoded.toString('utf8', 0, end)
}

/** RFC 3629 3: octets after the first of a character begin with the bits 10. */
function isContinuation(octet: number): boolean {
  return (octet & 0xc0) === 0x80
}
