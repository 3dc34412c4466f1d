import type { Route } from '../decide/decision'
import type { Seen, Told } from '../haraka/original-watch'

/** What is known of an original's way to its mailboxes. A queue in front of one counts as it. */
export type Fate =
  /** `to`: only these have it, as the next hop was told; undefined: all of the recipients. */
  | { kind: 'delivered'; to?: readonly string[] }
  /** Certainly nobody has it. */
  | { kind: 'nowhere'; because: Nowhere }
  /** It will be known: somebody is still at it. */
  | { kind: 'open' }
  /** It cannot be known any more. */
  | { kind: 'unknown' }

export type Nowhere = 'quarantined' | 'discarded' | 'rejected' | 'deferred' | 'client-left'

/**
 * Whether an original reached a mailbox, by what was seen behind our turn in `queue` and never by
 * the reply to the client alone (docs/flow.md has the table). `recipients`: how many it has.
 */
export function fateOf(told: Told, seen: Seen, recipients: number): Fate {
  const { handovers, strangers, last } = seen
  const keptBack = last === 'quarantine' || last === 'discard'
  // Whoever says OK answers for the original (RFC 5321 section 6.1), but for these two of core.
  if (told === 'queued' && !keptBack) return { kind: 'delivered' }

  const taken = handovers.filter(({ state }) => state === 'taken')
  if (taken.length > 0) {
    const to = taken.flatMap(({ recipients: some }) => some ?? [])
    const toAll =
      taken.some(({ recipients: some }) => some === undefined) || to.length >= recipients
    return toAll ? { kind: 'delivered' } : { kind: 'delivered', to }
  }
  if (handovers.some(({ state }) => state === 'open')) return { kind: 'open' }
  if (strangers || handovers.some(({ state }) => state === 'unanswered')) return { kind: 'unknown' }
  return { kind: 'nowhere', because: becauseOf(told, last) }
}

function becauseOf(told: Told, last: Seen['last']): Nowhere {
  if (told === 'nothing') return 'client-left'
  if (told !== 'queued') return told
  return last === 'quarantine' ? 'quarantined' : 'discarded'
}

/** The routes with those only who have the original; undefined: that is none of them. */
export function routesTo(
  recipients: readonly string[],
  routes: readonly Route[],
): readonly Route[] | undefined {
  const have = new Set(recipients.map((address) => address.toLowerCase()))
  const fewer = routes
    .map((route) => ({
      ...route,
      recipients: route.recipients.filter((address) => have.has(address.toLowerCase())),
    }))
    .filter(({ recipients: some }) => some.length > 0)
  return fewer.length > 0 ? fewer : undefined
}
