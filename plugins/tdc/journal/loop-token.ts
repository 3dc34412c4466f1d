import { createHmac, timingSafeEqual } from 'node:crypto'

/** The header that carries the token in a copy. */
export const TOKEN_HEADER = 'X-Haraka-TDC'

/** What the token of a copy says. */
export interface Token {
  /** The copy's MID; letters, digits, `.`, `-`. */
  readonly id: string
  /** The gateway that made it. */
  readonly gateway: string
  /** Seconds since 1970. */
  readonly time: number
  /** Octets of the body in front of the original. */
  readonly lead: number
  /** Of its content (report-digest.ts). */
  readonly digest: string
}

const TOKEN =
  /^v=2;id=([A-Za-z0-9.-]{1,128});g=([A-Za-z0-9._:[\]-]{1,255});t=(\d{1,12});l=(\d{1,8});bh=([\w-]{43});mac=([0-9a-f]{64})$/

/** A token is about 300 octets; a longer value than this is none. */
const VALUE_LIMIT = 1024

/** Proves that an installation with the key made a copy of this content, sent with this reverse-path. */
export function signToken(key: Buffer, token: Token, reversePath: string): string {
  const { id, gateway, time, lead, digest } = token
  const mac = macOf(key, token, reversePath).toString('hex')
  return `v=2; id=${id}; g=${gateway}; t=${time}; l=${lead}; bh=${digest}; mac=${mac}`
}

/** The value of a header, folded or not, as a token and its mac. */
export function parseToken(headerValue: string): { token: Token; mac: Buffer } | undefined {
  if (headerValue.length > VALUE_LIMIT) return undefined
  const [whole, id = '', gateway = '', time, lead, digest = '', mac = ''] =
    TOKEN.exec(headerValue.replace(/[ \t\r\n]+/g, '')) ?? []
  if (whole === undefined) return undefined
  const token = { id, gateway, time: Number(time), lead: Number(lead), digest }
  return { token, mac: Buffer.from(mac, 'hex') }
}

/** RFC 5321 4.5.4.1: mail may be on its way for days. */
const LIFE = 7 * 86_400
/** Clocks of gateways that share a key may differ. */
const AHEAD = 3_600

export interface TokenCheck {
  readonly keys: readonly Buffer[]
  /** Seconds since 1970. */
  readonly now: number
  /** Of the message that carries the token. */
  readonly reversePath: string
  /** Ours: a next hop may have made the null one of it. */
  readonly ownReversePath: string
}

/** Why a value is no token for this envelope and moment; its content is still to be compared. */
export function tokenProblem(headerValue: string, check: TokenCheck): string | Token {
  const parsed = parseToken(headerValue)
  if (!parsed) return 'it is no token'
  const { token, mac } = parsed
  const { keys, now, reversePath, ownReversePath } = check
  if (token.time < now - LIFE || token.time > now + AHEAD) return 'it is older than 7 days'
  const paths = reversePath === '' ? ['', ownReversePath] : [reversePath]
  const isOurs = keys.some((key) =>
    paths.some((path) => timingSafeEqual(macOf(key, token, path), mac)),
  )
  return isOurs ? token : 'no key of ours made it for this reverse-path'
}

/** An id that can stand in a token and left of the @ of a Message-ID. */
export function safeId(id: string): string {
  return id.slice(0, 128).replace(/[^A-Za-z0-9.-]/g, '-') || '-'
}

function macOf(key: Buffer, token: Token, reversePath: string): Buffer {
  const { id, gateway, time, lead, digest } = token
  const said = ['v=2', id, gateway, time, lead, digest, reversePath.toLowerCase()].join('\n')
  return createHmac('sha256', key).update(said).digest()
}
