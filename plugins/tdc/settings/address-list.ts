import { asciiDomain, domainOrLiteral, isQuoted, userOf } from './address'

/** With one bit set of sixteen, one text of sixteen that is not there seems to be. */
const BITS_PER_TEXT = 16
const FEWEST_BITS = 1024

/** FNV-1a, 32 bits: https://datatracker.ietf.org/doc/html/draft-eastlake-fnv section 5. */
export const FNV_OFFSET = 0x811c9dc5 | 0
const FNV_PRIME = 0x01000193

/** The hash of a text with one more UTF-16 unit. */
export function hashOn(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, FNV_PRIME)
}

/** From the last unit to the first: every end of the text has its hash on the way. */
export function hashBackwards(text: string, hash = FNV_OFFSET): number {
  for (let at = text.length - 1; at >= 0; at--) hash = hashOn(hash, text.charCodeAt(at))
  return hash
}

/**
 * Says of most texts that are not in a set that they are not, from their hash alone: one bit in a
 * table that stays in the processor's cache, where a look-up in a large set is four reads or more
 * from memory. What seems to be there has to be looked up.
 */
export class Sieve {
  private readonly words: Uint32Array
  private readonly mask: number

  constructor(texts: number) {
    const bits = 2 ** Math.ceil(Math.log2(Math.max(FEWEST_BITS, texts * BITS_PER_TEXT)))
    this.words = new Uint32Array(bits / 32)
    this.mask = bits - 1
  }

  add(hash: number): void {
    const bit = this.bitOf(hash)
    const word = bit >>> 5
    this.words[word] = (this.words[word] as number) | (1 << (bit & 31))
  }

  mayHave(hash: number): boolean {
    const bit = this.bitOf(hash)
    return ((this.words[bit >>> 5] as number) & (1 << (bit & 31))) !== 0
  }

  /** FNV mixes its high bits best. */
  private bitOf(hash: number): number {
    return (hash ^ (hash >>> 15)) & this.mask
  }
}

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
