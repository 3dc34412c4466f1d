import type { Clock } from '../clock'
import { AnswerCache } from './answer-cache'
import { dnsQuestions, type DnsQuestions, type Exchange } from './dns-questions'

/** The answers that the delivery needs. All reject with an error that has a DNS code. */
export interface MxLookup {
  /** Explicit MX records only; ENODATA or ENOTFOUND when there are none. */
  mx(domain: string): Promise<readonly Exchange[]>
  /** IPv6 and IPv4 addresses, one family after the other in turns. */
  addresses(host: string): Promise<readonly string[]>
  /** As the system resolves names, with /etc/hosts: for a route of a lab. */
  system(host: string): Promise<readonly string[]>
}

/** The questions of `dns`, each asked only when no answer to it is known. */
export function cachedLookup(dns: DnsQuestions, clock: Clock): MxLookup {
  const mx = new AnswerCache((domain) => dns.mx(domain), clock)
  const addresses = new AnswerCache((host) => dns.addresses(host), clock)
  const system = new AnswerCache((host) => dns.system(host), clock)
  return {
    mx: (domain) => mx.get(domain),
    addresses: (host) => addresses.get(host),
    system: (host) => system.get(host),
  }
}

/** The DNS as the system has it, for one process. */
export function makeMxLookup(clock: Clock): MxLookup {
  return cachedLookup(dnsQuestions(), clock)
}
