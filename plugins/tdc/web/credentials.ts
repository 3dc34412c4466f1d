import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** Name of the cookie that stands for a token once shown. */
export const COOKIE = 'tdc-session'

/** Seconds that a browser need not show the token again. */
export const SESSION_LENGTH = 12 * 60 * 60

/** Compared in the same time whatever the difference, also of length. */
export function isToken(shown: string, token: string): boolean {
  return timingSafeEqual(digest(shown), digest(token))
}

/**
 * Value of the cookie: when it ends, and a proof that only who has the token can make. Every worker
 * can check it, a new token ends it, and the token itself is not in it.
 */
export function sessionValue(token: string, now: number): string {
  const end = String(Math.floor(now / 1000) + SESSION_LENGTH)
  return `${end}.${proof(token, end)}`
}

export function isSession(value: string, token: string, now: number): boolean {
  const [end = '', shown = ''] = value.split('.')
  return isToken(shown, proof(token, end)) && Number(end) * 1000 > now
}

/** `Bearer TOKEN` (RFC 6750 section 2.1); the scheme in any case (RFC 9110 section 11.1). */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
}

/** One cookie of a Cookie header (RFC 6265 section 4.2). */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

function proof(token: string, end: string): string {
  return createHmac('sha256', token).update(`${COOKIE} ${end}`).digest('base64url')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
