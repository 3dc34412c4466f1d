import { createHmac, timingSafeEqual } from 'node:crypto'

/** The header that carries the token in a copy. */
export const TOKEN_HEADER = 'X-Haraka-TDC'

const TOKEN = /^v=1;id=([A-Za-z0-9.-]{1,128});mac=([0-9a-f]{64})$/

/** A token is about 130 octets; a longer value than this is none. */
const VALUE_LIMIT = 512

/** Proves that a copy was made by an installation that holds the key; an id is letters, digits, `.`, `-`. */
export function signToken(key: Buffer, id: string): string {
  const safe = safeId(id)
  return `v=1; id=${safe}; mac=${macOf(key, safe).toString('hex')}`
}

/** Whether the value of a header, folded or not, is a token made with the key. */
export function verifyToken(key: Buffer, headerValue: string | undefined): boolean {
  if (headerValue === undefined || headerValue.length > VALUE_LIMIT) return false
  const token = TOKEN.exec(headerValue.replace(/[ \t\r\n]+/g, ''))
  if (token === null) return false
  return timingSafeEqual(macOf(key, token[1] ?? ''), Buffer.from(token[2] ?? '', 'hex'))
}

/** An id that can stand in a token and left of the @ of a Message-ID. */
export function safeId(id: string): string {
  return id.slice(0, 128).replace(/[^A-Za-z0-9.-]/g, '-') || '-'
}

function macOf(key: Buffer, id: string): Buffer {
  return createHmac('sha256', key).update(`v=1; id=${id}`).digest()
}
