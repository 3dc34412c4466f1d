import { Resolver } from 'node:dns/promises'

/** TXT records of a name, each a list of strings; rejects with an error that has a DNS code. */
export type TxtLookup = (name: string) => Promise<readonly (readonly string[])[]>

/** Milliseconds per question, and how often it is asked. */
const QUERY_TIMEOUT = 5_000
const QUERY_TRIES = 2

export function makeTxtLookup(
  resolver = new Resolver({ timeout: QUERY_TIMEOUT, tries: QUERY_TRIES }),
): TxtLookup {
  return (name) => resolver.resolveTxt(name)
}
