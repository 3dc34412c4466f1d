import { asciiDomain } from './address'
import type { KeyPlace, Problems } from './problems'

/** Which recipients are incoming for a client that may not relay, by their domain (spec 1.2). */
export class IncomingDomains {
  constructor(
    /** Domains that this server receives mail for; ASCII, lower case. */
    readonly own: ReadonlySet<string>,
    /** Further ones, as rcpt_to.in_host_list matches them. */
    readonly pattern: RegExp | undefined,
    /** Domains that it only passes mail on for. */
    readonly relayed: ReadonlySet<string>,
  ) {}

  /** All that is not known to be relayed for: a domain that nobody knows must not go past its copy. */
  has(domain: string): boolean {
    return !this.relayed.has(domain) || this.isOwn(domain)
  }

  /** Those whose mail is outgoing. */
  get outgoing(): readonly string[] {
    return [...this.relayed].filter((domain) => !this.isOwn(domain))
  }

  private isOwn(domain: string): boolean {
    const name = asciiDomain(domain) ?? domain
    return this.own.has(name) || (this.pattern?.test(domain) ?? false)
  }
}

/** Domains in ASCII and lower case; what is none is a problem at `place`. */
export function readDomains(
  entries: readonly string[],
  place: KeyPlace,
  problems: Problems,
): ReadonlySet<string> {
  const bad = entries.filter((entry) => asciiDomain(entry.trim()) === undefined)
  problems.refuseEntries(place, bad, 'must be a domain')
  return knownDomains(entries)
}

/** The entries that are domains: Haraka's own lists may hold others, which are no intake's. */
export function knownDomains(entries: readonly string[]): ReadonlySet<string> {
  return new Set(entries.map((entry) => asciiDomain(entry.trim())).filter((d) => d !== undefined))
}
