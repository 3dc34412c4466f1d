import { asciiDomain, domainOrLiteral } from './domain'
import { FNV_OFFSET, hashBackwards, hashOn, Sieve } from './sieve'
import { isQuoted, userOf } from './spellings'

/** Parts of an address as lists compare them. */
interface Parts {
  readonly user: string
  readonly domain: string
}

/** Control characters and spaces mean that two entries stand on one line. */
const BAD_USER = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029@,;<>]/

const DOT = '.'.charCodeAt(0)
/** Joins user and domain in the hash of an address; the other forms have marks of their own. */
const AT = '@'.charCodeAt(0)
const OF_USER = 1
const OF_PARENT = 2

/**
 * A list of `user@domain`, `user@` (at any domain), `@domain`, `@.domain` (its subdomains) and `<>`
 * (the null sender). A question costs one pass over the address, however long the list is: the
 * domain's hash, taken from its end, has that of every parent domain on its way.
 */
export class AddressList {
  private readonly addresses = new Set<string>()
  private readonly users = new Set<string>()
  private readonly domains = new Set<string>()
  private readonly parents = new Set<string>()
  private nullSender = false
  /** Made at the first question after an entry was added. */
  private sieve: Sieve | undefined

  /** False: the entry is malformed, and nothing was added. */
  add(entry: string): boolean {
    this.sieve = undefined
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
    const sieve = (this.sieve ??= this.makeSieve())
    let hash = FNV_OFFSET
    for (let at = domain.length - 1; at >= 0; at--) {
      const unit = domain.charCodeAt(at)
      if (unit === DOT && sieve.mayHave(hashOn(hash, OF_PARENT))) {
        if (this.parents.has(domain.slice(at + 1))) return true
      }
      hash = hashOn(hash, unit)
    }
    if (sieve.mayHave(hash) && this.domains.has(domain)) return true
    const ofAddress = hashBackwards(user, hashOn(hash, AT))
    if (sieve.mayHave(ofAddress) && this.addresses.has(`${user}@${domain}`)) return true
    return sieve.mayHave(hashOn(hashBackwards(user), OF_USER)) && this.users.has(user)
  }

  /** As they are compared. */
  get entries(): ReadonlySet<string> {
    const { addresses, users, domains, parents } = this
    return new Set([
      ...addresses,
      ...[...users].map((user) => `${user}@`),
      ...[...domains].map((domain) => `@${domain}`),
      ...[...parents].map((parent) => `@.${parent}`),
      ...(this.nullSender ? ['<>'] : []),
    ])
  }

  private makeSieve(): Sieve {
    const { addresses, users, domains, parents } = this
    const sieve = new Sieve(addresses.size + users.size + domains.size + parents.size)
    for (const address of addresses) sieve.add(hashBackwards(address))
    for (const user of users) sieve.add(hashOn(hashBackwards(user), OF_USER))
    for (const domain of domains) sieve.add(hashBackwards(domain))
    for (const parent of parents) sieve.add(hashOn(hashBackwards(parent), OF_PARENT))
    return sieve
  }
}

function put(set: Set<string>, value: string | undefined): boolean {
  if (value !== undefined) set.add(value)
  return value !== undefined
}

function partsOf(address: string): Parts {
  const at = address.lastIndexOf('@')
  if (at < 0) return { user: userOf(address), domain: '' }
  const domain = address.slice(at + 1).toLowerCase()
  return {
    user: userOf(address.slice(0, at)),
    domain: domain.endsWith('.') ? domain.slice(0, -1) : domain,
  }
}
