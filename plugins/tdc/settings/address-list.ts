import { asciiDomain, domainOrLiteral } from './domain'

/** Parts of an address as lists compare them: lower case, quotes taken off. */
interface Parts {
  readonly user: string
  readonly domain: string
}

/** Control characters and spaces mean that two entries stand on one line. */
const BAD_USER = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029@,;<>]/

/**
 * A list of `user@domain`, `user@` (at any domain), `@domain`, `@.domain` (its subdomains) and `<>`
 * (the null sender). A question costs as many hash look-ups as the domain has labels, however long
 * the list is.
 */
export class AddressList {
  private readonly addresses = new Set<string>()
  private readonly users = new Set<string>()
  private readonly domains = new Set<string>()
  private readonly parents = new Set<string>()
  private nullSender = false

  /** False: the entry is malformed, and nothing was added. */
  add(entry: string): boolean {
    if (entry === '<>') return (this.nullSender = true)
    const at = entry.lastIndexOf('@')
    if (at < 0) return false
    const local = entry.slice(0, at)
    const host = entry.slice(at + 1)
    if (local === '') {
      return host.startsWith('.')
        ? put(this.parents, asciiDomain(host.slice(1)))
        : put(this.domains, domainOrLiteral(host))
    }
    if (!isQuoted(local) && BAD_USER.test(local)) return false
    const user = userOf(local)
    if (host === '') return put(this.users, user)
    const domain = domainOrLiteral(host)
    return put(this.addresses, domain && `${user}@${domain}`)
  }

  /** `user@domain` with the domain in ASCII; '' is the null sender. */
  has(address: string): boolean {
    if (address === '') return this.nullSender
    const { user, domain } = partsOf(address)
    return (
      this.addresses.has(`${user}@${domain}`) ||
      this.users.has(user) ||
      this.domains.has(domain) ||
      this.hasParent(domain)
    )
  }

  private hasParent(domain: string): boolean {
    if (this.parents.size === 0) return false
    for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
      if (this.parents.has(domain.slice(dot + 1))) return true
    }
    return false
  }
}

function put(set: Set<string>, value: string | undefined): boolean {
  if (value !== undefined) set.add(value)
  return value !== undefined
}

function partsOf(address: string): Parts {
  const at = address.lastIndexOf('@')
  if (at < 0) return { user: userOf(address), domain: '' }
  return { user: userOf(address.slice(0, at)), domain: address.slice(at + 1).toLowerCase() }
}

function isQuoted(user: string): boolean {
  return user.length > 2 && user.startsWith('"') && user.endsWith('"')
}

/** `"bob"` and `bob` are one mailbox (RFC 5321 4.1.2): quotes must not lead past a policy. */
function userOf(user: string): string {
  const bare = isQuoted(user) ? user.slice(1, -1).replace(/\\(.)/g, '$1') : user
  return bare.toLowerCase()
}
