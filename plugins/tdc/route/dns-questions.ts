import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { get_mx } from 'haraka-net-utils'
import type { CachedAnswer } from './answer-cache'
import { isFinal } from './dns-failure'

export interface Exchange {
  /** Host name; empty or `.` for the null MX of RFC 7505. */
  readonly exchange: string
  readonly priority: number
}

/** The questions that the delivery asks. All reject with an error that has a DNS code. */
export interface DnsQuestions {
  /** Explicit MX records only; ENODATA or ENOTFOUND when there are none. */
  mx(domain: string): Promise<CachedAnswer<readonly Exchange[]>>
  /** IPv6 and IPv4 addresses, one family after the other in turns. */
  addresses(host: string): Promise<CachedAnswer<readonly string[]>>
  /** As the system resolves names, with /etc/hosts: for a route of a lab. */
  system(host: string): Promise<CachedAnswer<readonly string[]>>
}

/** An address record; `ttl` in seconds. */
export interface AddressRecord {
  readonly address: string
  readonly ttl: number
}

/** What is used of `node:dns/promises` Resolver. */
export interface DnsResolver {
  resolveMx(domain: string): Promise<Exchange[]>
  resolve4(host: string, options: { ttl: true }): Promise<AddressRecord[]>
  resolve6(host: string, options: { ttl: true }): Promise<AddressRecord[]>
}

/** Milliseconds per DNS question, and how often it is asked: well within a copy's 120 s. */
const QUERY_TIMEOUT = 5_000
const QUERY_TRIES = 2

/**
 * Milliseconds that MX records are kept: Node does not tell their TTL. One question a minute costs
 * nothing, and a domain that moves is followed within the life of a copy.
 */
const MX_TTL = 60_000

export function dnsQuestions(
  getMx: (domain: string) => Promise<Exchange[]> = get_mx,
  resolver: DnsResolver = new Resolver({ timeout: QUERY_TIMEOUT, tries: QUERY_TRIES }),
): DnsQuestions {
  return {
    async mx(domain) {
      const found = await getMx(domain)
      // Nothing, or addresses only: MX records with addresses for names, the domain's own
      // addresses in place of MX records, or a failure; get_mx does not tell which.
      const isOpen = found.every(({ exchange }) => isIP(exchange) !== 0)
      return { value: isOpen ? await resolver.resolveMx(domain) : found, ttl: MX_TTL }
    },
    addresses: (host) =>
      addressesOf(
        () => resolver.resolve6(host, { ttl: true }),
        () => resolver.resolve4(host, { ttl: true }),
      ),
    async system(host) {
      const found = await lookup(host, { all: true })
      // The system has a cache of its own, or wants none.
      return { value: found.map(({ address }) => address), ttl: 0 }
    },
  }
}

/** The addresses of both families, one after the other in turns. */
export async function addressesOf(
  ask6: () => Promise<AddressRecord[]>,
  ask4: () => Promise<AddressRecord[]>,
): Promise<CachedAnswer<readonly string[]>> {
  const settled = await Promise.allSettled([ask6(), ask4()])
  const [v6 = [], v4 = []] = settled.map(foundBy)
  if (v6.length + v4.length === 0) throw openFailure(settled)
  const value = inTurns(v6, v4).map(({ address }) => address)
  // The family that is missing may be the one that can be reached.
  if (!isWhole(settled)) return { value, ttl: 0, partial: true }
  return { value, ttl: Math.min(...[...v6, ...v4].map(({ ttl }) => ttl)) * 1000 }
}

function inTurns<T>(first: readonly T[], second: readonly T[]): T[] {
  const turns = Math.max(first.length, second.length)
  return Array.from({ length: turns }, (_, at) => [first[at], second[at]])
    .flat()
    .filter((each) => each !== undefined)
}

type Settled = PromiseSettledResult<AddressRecord[]>

function foundBy(settled: Settled): AddressRecord[] {
  return settled.status === 'fulfilled' ? settled.value : []
}

function isWhole(settled: readonly Settled[]): boolean {
  return settled.every((each) => each.status === 'fulfilled' || isFinal(each.reason))
}

/** Of all failures one that may heal, for it leaves the answer open; else any. */
function openFailure(settled: readonly Settled[]): unknown {
  const reasons = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  return reasons.find((reason) => !isFinal(reason)) ?? reasons[0]
}
