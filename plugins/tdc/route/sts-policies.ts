import { type StsDeps, StsDomain } from './sts-domain'
import type { StsPolicy } from './sts-policy'

/** Domains whose policy is kept; there are a few intakes, and invented ones must not fill memory. */
const MOST = 100

/** The MTA-STS policies of the intakes' domains, kept in memory: each process fetches its own. */
export class StsPolicies {
  private readonly domains = new Map<string, StsDomain>()

  constructor(private readonly deps: StsDeps) {}

  /** The policy in force; undefined: none. Never rejects, and waits for some seconds at most. */
  readonly of = (domain: string): Promise<StsPolicy | undefined> => {
    const known = this.domains.get(domain) ?? new StsDomain(domain, this.deps)
    // The one that was not asked for the longest time is the first to be forgotten.
    this.domains.delete(domain)
    this.domains.set(domain, known)
    const [oldest] = this.domains.keys()
    if (this.domains.size > MOST && oldest !== undefined) this.domains.delete(oldest)
    return known.policy()
  }
}
