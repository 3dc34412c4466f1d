import { isIP } from 'node:net'
import { type DnsFailure, dnsFailure, dnsFailureOf, isFinal } from './dns-failure'
import type { Exchange } from './dns-questions'
import type { MxLookup } from './mx-lookup'
import type { FixedHost } from '../smtp/options'

/** An address to connect to, and the name that its certificate must carry. */
export interface Host {
  readonly name: string
  readonly address: string
  readonly port: number
}

export type Resolved =
  { kind: 'hosts'; hosts: readonly Host[] } | { kind: 'failed'; failure: DnsFailure }

/**
 * MX hosts that are tried. RFC 5321 section 5.1 wants at least two addresses and allows a limit;
 * a domain that lists hundreds must not turn us against them.
 */
const MAX_HOSTS = 10

export interface MxOptions {
  readonly port: number
  readonly lookup: MxLookup
  /** 0 up to 1, as Math.random. */
  readonly random: () => number
}

/** Where the mail of a domain goes, in the order in which to try (RFC 5321 section 5.1). */
export async function resolveMx(domain: string, options: MxOptions): Promise<Resolved> {
  let exchanges: readonly Exchange[]
  try {
    exchanges = await options.lookup.mx(domain)
  } catch (error) {
    if (!isFinal(error)) return { kind: 'failed', failure: dnsFailureOf(domain, error) }
    return implicitMx(domain, options)
  }
  const usable = usableNames(domain, exchanges, options.random)
  return usable.kind === 'failed' ? usable : hostsOf(domain, usable.names, options)
}

/** The hosts whose addresses may be connected to; none of them is a failure that may heal. */
export function permitted(
  domain: string,
  resolved: Resolved,
  mayConnect: (address: string) => boolean,
): Resolved {
  if (resolved.kind === 'failed') return resolved
  const hosts = resolved.hosts.filter(({ address }) => mayConnect(address))
  if (hosts.length > 0) return { kind: 'hosts', hosts }
  const addresses = resolved.hosts.map(({ address }) => address).join(', ')
  const text = `no address is public: ${addresses} (allow_private=false)`
  return { kind: 'failed', failure: dnsFailure(domain, 'private', text) }
}

/** A fixed host in place of the MX hosts. */
export async function resolveRoute(route: FixedHost, lookup: MxLookup): Promise<Resolved> {
  const { host, port } = route
  if (isIP(host) !== 0) return { kind: 'hosts', hosts: [{ name: host, address: host, port }] }
  try {
    const addresses = await lookup.system(host)
    return { kind: 'hosts', hosts: addresses.map((address) => ({ name: host, address, port })) }
  } catch (error) {
    return { kind: 'failed', failure: dnsFailureOf(host, error) }
  }
}

/** Without MX records the domain is its own host, with preference 0. */
async function implicitMx(domain: string, { port, lookup }: MxOptions): Promise<Resolved> {
  try {
    const addresses = await lookup.addresses(domain)
    return { kind: 'hosts', hosts: addresses.map((address) => ({ name: domain, address, port })) }
  } catch (error) {
    return { kind: 'failed', failure: dnsFailureOf(domain, error) }
  }
}

type Usable = { kind: 'names'; names: readonly string[] } | { kind: 'failed'; failure: DnsFailure }

function usableNames(domain: string, exchanges: readonly Exchange[], random: () => number): Usable {
  const named = inOrder(exchanges, random).map(({ exchange }) => hostName(exchange))
  const hosts = named.filter((name) => name !== '')
  if (hosts.length === 0) {
    // RFC 7505 section 3; beside other records the null MX means nothing.
    return { kind: 'failed', failure: dnsFailure(domain, 'nullmx', 'the domain takes no mail') }
  }
  // RFC 5321 section 5.1: the data of an MX record is a name; an address in its place is an error.
  const names = hosts.filter((name) => isIP(name) === 0)
  if (names.length === 0) {
    const text = 'the MX records hold addresses in place of names'
    return { kind: 'failed', failure: dnsFailure(domain, 'error', text) }
  }
  return { kind: 'names', names: names.slice(0, MAX_HOSTS) }
}

/** By preference; at random among equals, to spread the load as RFC 5321 section 5.1 demands. */
function inOrder(exchanges: readonly Exchange[], random: () => number): readonly Exchange[] {
  return exchanges
    .map((exchange) => ({ exchange, draw: random() }))
    .sort((a, b) => a.exchange.priority - b.exchange.priority || a.draw - b.draw)
    .map(({ exchange }) => exchange)
}

/** Every address of every host; a host without any is left out unless all are. */
async function hostsOf(
  domain: string,
  names: readonly string[],
  { port, lookup }: MxOptions,
): Promise<Resolved> {
  const found = await Promise.allSettled(names.map((name) => lookup.addresses(name)))
  const hosts = found.flatMap((each, at) => {
    const name = names[at] ?? domain
    const addresses = each.status === 'fulfilled' ? each.value : []
    return addresses.map((address) => ({ name, address, port }))
  })
  if (hosts.length > 0) return { kind: 'hosts', hosts }
  const open = found.find((each) => each.status === 'rejected' && !isFinal(each.reason))
  if (open?.status === 'rejected') {
    return { kind: 'failed', failure: dnsFailureOf(domain, open.reason) }
  }
  const failure = dnsFailure(domain, 'nxdomain', 'no MX host has an address')
  return { kind: 'failed', failure }
}

function hostName(exchange: string): string {
  return (exchange.endsWith('.') ? exchange.slice(0, -1) : exchange).toLowerCase()
}
