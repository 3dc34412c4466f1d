import { domainOrLiteral } from './domain'

const ASCII = /^[\x00-\x7f]*$/

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
