import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { get_mx } from 'haraka-net-utils'
import { isFinal } from './dns-failure'

export interface Exchange {
  /** Host name; empty or `.` for the null MX of RFC 7505. */
  readonly exchange: string
  readonly priority: number
}

/** The questions that the delivery asks. All reject with an error that has a DNS code. */
export interface MxLookup {
  /** Explicit MX records only; ENODATA or ENOTFOUND when there are none. */
  mx(domain: string): Promise<readonly Exchange[]>
  /** IPv6 and IPv4 addresses, one family after the other in turns. */
  addresses(host: string): Promise<readonly string[]>
  /** As the system resolves names, with /etc/hosts: for a route of a lab. */
  system(host: string): Promise<readonly string[]>
}

/** What is used of `node:dns/promises` Resolver. */
export interface DnsResolver {
  resolveMx(domain: string): Promise<Exchange[]>
  resolve4(host: string): Promise<string[]>
  resolve6(host: string): Promise<string[]>
}

/** Milliseconds per DNS question, and how often it is asked: well within a copy's 120 s. */
const QUERY_TIMEOUT = 5_000
const QUERY_TRIES = 2

export function makeMxLookup(
  getMx: (domain: string) => Promise<Exchange[]> = get_mx,
  resolver: DnsResolver = new Resolver({ timeout: QUERY_TIMEOUT, tries: QUERY_TRIES }),
): MxLookup {
  return {
    async mx(domain) {
      const found = await getMx(domain)
      // Nothing, or addresses only: MX records with addresses for names, the domain's own
      // addresses in place of MX records, or a failure; get_mx does not tell which.
      return found.every(({ exchange }) => isIP(exchange) !== 0)
        ? resolver.resolveMx(domain)
        : found
    },
    async addresses(host) {
      const families = [resolver.resolve6(host), resolver.resolve4(host)]
      const [v6, v4] = await Promise.allSettled(families)
      const found = inTurns(foundBy(v6), foundBy(v4))
      if (found.length > 0) return found
      throw openFailure([v6, v4])
    },
    async system(host) {
      const found = await lookup(host, { all: true })
      return found.map(({ address }) => address)
    },
  }
}

function inTurns(first: readonly string[], second: readonly string[]): string[] {
  const turns = Math.max(first.length, second.length)
  return Array.from({ length: turns }, (_, at) => [first[at], second[at]])
    .flat()
    .filter((address) => address !== undefined)
}

type Settled = PromiseSettledResult<string[]> | undefined

function foundBy(settled: Settled): string[] {
  return settled?.status === 'fulfilled' ? settled.value : []
}

/** Of all failures one that may heal, for it leaves the answer open; else any. */
function openFailure(settled: readonly Settled[]): unknown {
  const reasons = settled.flatMap((each) => (each?.status === 'rejected' ? [each.reason] : []))
  return reasons.find((reason) => !isFinal(reason)) ?? reasons[0]
}
