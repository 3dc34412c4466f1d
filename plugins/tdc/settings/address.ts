import { Address } from 'address-rfc2821'
import { domainToASCII } from 'node:url'

/** RFC 1035 2.3.4: octets of a name, and of a label. */
const NAME_MAX = 253
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

const ASCII = /^[\x00-\x7f]*$/
const ADDRESS_LITERAL = /^\[(?:ipv6:)?[0-9a-f.:]{2,45}\]$/

/**
 * A domain in ASCII and lower case, without the dot of the root; undefined when it is none. Only what is not ASCII goes through
 * the URL rules, which read `127.1` as an address and drop what follows a slash.
 */
export function asciiDomain(text: string): string | undefined {
  if (!ASCII.test(text) && /[\x00-\x2c/:-@[-^`{-\x7f]/.test(text)) return undefined
  const name = (ASCII.test(text) ? text.toLowerCase() : domainToASCII(text)).replace(/\.$/, '')
  if (name.length > NAME_MAX) return undefined
  const labels = name.split('.')
  if (!labels.every((label) => LABEL.test(label))) return undefined
  return /^\d+$/.test(labels.at(-1) ?? '') ? undefined : name
}

/** `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 4.1.3) in lower case, or a domain. */
export function domainOrLiteral(text: string): string | undefined {
  const lower = text.toLowerCase()
  return ADDRESS_LITERAL.test(lower) ? lower : asciiDomain(text)
}

export interface Mailbox {
  /** `user@domain`, the domain in ASCII and lower case. */
  readonly address: string
  readonly domain: string
}

const PRINTABLE = /^[\x20-\x7e]+$/

/** A mailbox that RCPT TO can carry without SMTPUTF8, or undefined. */
export function parseMailbox(text: string): Mailbox | undefined {
  const parsed = parsePath(text)
  if (!parsed?.user || !parsed.host) return undefined
  // The parser leaves out a source route (RFC 5321 C); written in a setting it is a mistake.
  const written = parsed.original_host ?? parsed.host
  if (`${parsed.user}@${written}` !== text || !PRINTABLE.test(parsed.user)) return undefined
  const domain = asciiDomain(written)
  return domain === undefined ? undefined : { address: `${parsed.user}@${domain}`, domain }
}

function parsePath(text: string): Address | undefined {
  try {
    return new Address(`<${text}>`)
  } catch {
    return undefined
  }
}

/**
 * Upper before lower case is close to Unicode's case folding, which mailbox servers compare with
 * (RFC 6532 3.1 wants NFC): `ſ` is `s`, `ß` is `ss`, and both forms of `é` are one.
 */
function folded(user: string): string {
  if (ASCII.test(user)) return user.toLowerCase()
  return user.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC')
}

export function isQuoted(user: string): boolean {
  return user.length > 2 && user.startsWith('"') && user.endsWith('"')
}

/** A local part as it is compared: `"Bob"` and `bob` are one mailbox (RFC 5321 4.1.2 and 2.4). */
export function userOf(local: string): string {
  return folded(isQuoted(local) ? local.slice(1, -1).replace(/\\(.)/gs, '$1') : local)
}

/**
 * An address as lists hold it, and without a detail behind one of the `delimiters` (RFC 5233): a list
 * that has one of them has the address.
 */
export function spellingsOf(address: string, delimiters: string): readonly string[] {
  const at = address.lastIndexOf('@')
  const user = userOf(at < 0 ? address : address.slice(0, at))
  const domain = at < 0 ? '' : address.slice(at)
  const spellings = [user + domain]
  for (let end = user.length - 1; end > 0; end--) {
    if (delimiters.includes(user.charAt(end))) spellings.push(user.slice(0, end) + domain)
  }
  return spellings
}

const ROUTED = /[@%!]/

/**
 * Where a next hop may take a recipient at a domain of its own by what stands in the local part:
 * `user%domain`, `domain!user`, `"user@domain"` (RFC 5321 appendix F.2, RFC 1123 5.2.16; Postfix does).
 */
export function routesOf(address: string): readonly string[] {
  // Most have none, and are asked for in every decision.
  if (!ROUTED.test(address.slice(0, Math.max(0, address.lastIndexOf('@'))))) return []
  const routes: string[] = []
  for (let user = localOf(address); ROUTED.test(user); user = localOf(routes.at(-1) ?? '')) {
    const route = routeIn(user)
    if (route === undefined) break
    routes.push(route)
  }
  return routes
}

function localOf(address: string): string {
  return userOf(address.slice(0, Math.max(0, address.lastIndexOf('@'))))
}

function routeIn(user: string): string | undefined {
  const inner = Math.max(user.lastIndexOf('@'), user.lastIndexOf('%'))
  if (inner > 0) return joined(user.slice(0, inner), user.slice(inner + 1))
  const bang = user.indexOf('!')
  return joined(user.slice(bang + 1), user.slice(0, bang))
}

function joined(user: string, host: string): string | undefined {
  const domain = domainOrLiteral(host)
  return user === '' || domain === undefined ? undefined : `${user}@${domain}`
}
