import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP, isIPv6 } from 'node:net'
import type { StatusPageSettings } from '../settings/settings'

/** What a request shows of itself. */
interface Asker {
  readonly headers: IncomingHttpHeaders
  /** Of the connection; undefined on a unix socket. */
  readonly remoteAddress: string | undefined
  /** The address of this server that it came to. */
  readonly localAddress: string | undefined
}

type Access = 'granted' | 'wrong-host' | 'not-local' | 'token-needed'

/**
 * Who may see the page: with a token, whoever shows it; without one, clients of this machine. A Host
 * header of another name is a page from elsewhere whose name was bound to this address.
 */
export function accessOf(asker: Asker, page: StatusPageSettings, now: number): Access {
  if (!isOurHost(asker, page.hosts)) return 'wrong-host'
  if (page.token === undefined) {
    return isLocalClient(asker.remoteAddress, asker.headers) ? 'granted' : 'not-local'
  }
  return showsToken(asker, page.token, now) ? 'granted' : 'token-needed'
}

function isOurHost({ headers, localAddress }: Asker, hosts: ReadonlySet<string>): boolean {
  const name = hostNameOf(headers.host ?? '')
  if (name === undefined) return false
  return (
    hosts.has(name) ||
    isLoopback(name) ||
    (localAddress !== undefined && name === plainAddress(localAddress))
  )
}

function showsToken({ headers }: Asker, token: string, now: number): boolean {
  const bearer = bearerToken(headers.authorization)
  if (bearer !== undefined) return isToken(bearer, token)
  const cookie = cookieOf(headers.cookie, COOKIE)
  return cookie !== undefined && isSession(cookie, token, now)
}

/** Name of the cookie that stands for a token once shown. */
export const COOKIE = 'tdc-session'

/** Compared in the same time whatever the difference, also of length. */
export function isToken(shown: string, token: string): boolean {
  return timingSafeEqual(digest(shown), digest(token))
}

/**
 * Value of the cookie: when it ends, and a proof that only who has the token can make. Every worker
 * can check it, a new token ends it, and the token itself is not in it.
 */
export function sessionValue(token: string, endsAt: number): string {
  const end = String(Math.floor(endsAt / 1000))
  return `${end}.${proof(token, end)}`
}

function isSession(value: string, token: string, now: number): boolean {
  const [end = '', shown = ''] = value.split('.')
  return isToken(shown, proof(token, end)) && Number(end) * 1000 > now
}

/** `Bearer TOKEN` (RFC 6750 section 2.1); the scheme in any case (RFC 9110 section 11.1). */
function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
}

/** One cookie of a Cookie header (RFC 6265 section 4.2). */
function cookieOf(header: string | undefined, name: string): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

function proof(token: string, end: string): string {
  return createHmac('sha256', token).update(`${COOKIE} ${end}`).digest('base64url')
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** RFC 1122 section 3.2.1.3 and RFC 4291 section 2.5.3; IPv4 also in its mapped form. */
const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** What proxies add: a request with one of them comes from elsewhere, whatever it says. */
const PROXY_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
] as const

/** Whether a request was made on this machine, as far as its own connection shows. */
function isLocalClient(address: string | undefined, headers: IncomingHttpHeaders): boolean {
  if (PROXY_HEADERS.some((name) => headers[name] !== undefined)) return false
  return address !== undefined && isLoopback(address)
}

function isLoopback(address: string): boolean {
  const version = isIP(address)
  return version !== 0 && LOOPBACK.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

/** uri-host of a Host header (RFC 9110 section 7.2) in lower case, without port and brackets. */
function hostNameOf(header: string): string | undefined {
  const [, v6, name] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d*)?$/.exec(header) ?? []
  if (v6 !== undefined) return isIPv6(v6) ? v6.toLowerCase() : undefined
  return name ? name.toLowerCase().replace(/\.$/, '') : undefined
}

/** An address as sockets show it, IPv4 not in its mapped form. */
function plainAddress(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
  return isIP(mapped) ? mapped : address
}
