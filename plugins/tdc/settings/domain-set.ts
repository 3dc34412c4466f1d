import { asciiDomain } from './domain'
import type { Place, Problems } from './problems'

/** Domains in ASCII and lower case; what is none is a problem at `place`. */
export function readDomains(
  entries: readonly string[],
  place: Place,
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
