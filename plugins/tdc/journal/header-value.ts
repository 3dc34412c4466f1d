import { LIMITS, safeCut } from '../base/text'

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

/** Longest line without its CRLF (RFC 5322 2.1.1). */
export const LINE_LIMIT = 998

/** Octets of one value in a line of the report: fits with the longest label. */
export const VALUE_LIMIT = 980

/** Octets of a value in a header line of ours: fits with the longest header name. */
export const HEADER_VALUE_LIMIT = 900

/** Removes the line ends of folding (RFC 5322 2.2.3); Haraka hands them on with LF alone. */
export function unfold(value: string): string {
  return value.slice(0, LIMITS.header).replace(/\r?\n(?=[ \t])/g, '')
}

export function isPrintableAscii(text: string): boolean {
  return PRINTABLE_ASCII.test(text)
}

/** As `safeCut`, in ASCII: for values that are ASCII unless somebody lies. */
export function asciiText(value: string): string {
  return safeCut(value, HEADER_VALUE_LIMIT).replace(/[^\x20-\x7e]/gu, '?')
}
