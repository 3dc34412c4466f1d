import { mergeQueue } from '../monitor/status'
import type { DomainStatus, QueueFigures, Status } from '../monitor/status'

/** Intake domains that are told apart; an invented one for each copy must not fill a page. */
const MOST_DOMAINS = 100
const OTHERS = 'others'

export interface DomainFigures {
  readonly domain: string
  readonly figures: QueueFigures
  /** Of one domain; undefined: nothing was sent to it yet, or it is one of the others. */
  readonly delivery: DomainStatus | undefined
}

/** Intakes by their domain, which is what they share connections by, and no address. */
export function byDomain({ intakes, domains }: Status): DomainFigures[] {
  const groups = new Map<string, QueueFigures[]>()
  for (const { domain, ...figures } of Object.values(intakes)) {
    const isKnown = groups.has(domain) || groups.size < MOST_DOMAINS
    const name = isKnown ? domain : OTHERS
    groups.set(name, [...(groups.get(name) ?? []), figures])
  }
  return [...groups].map(([domain, figures]) => ({
    domain,
    figures: mergeQueue(figures),
    delivery: Object.hasOwn(domains, domain) ? domains[domain] : undefined,
  }))
}
