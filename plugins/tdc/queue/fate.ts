import type { Route } from '../decide/decision'
import type { AddressFacts } from '../decide/message-facts'
import { factsOfPath } from '../haraka/address-facts'
import type { Handover } from '../haraka/handovers'
import type { Seen, Told } from '../haraka/original-watch'

/** What is known of an original's way to its mailboxes. A queue in front of one counts as it. */
export type Fate =
  /** `to`: only these have it, or may have; undefined: all of the recipients. */
  | { kind: 'delivered'; to?: readonly string[] | undefined }
  /** Certainly nobody has it. */
  | { kind: 'nowhere'; because: Nowhere }
  /** It will be known: somebody is still at it. */
  | { kind: 'open' }
  /** It cannot be known any more. `to`: nobody but these can have it; undefined: anybody. */
  | { kind: 'unknown'; to?: readonly string[] | undefined }

export type Nowhere = 'quarantined' | 'discarded' | 'rejected' | 'deferred' | 'client-left'

/**
 * Whether an original reached a mailbox, by what was seen behind our turn in `queue` and never by
 * the reply to the client alone (docs/flow.md has the table). `recipients`: all that it has.
 */
export function fateOf(told: Told, seen: Seen, recipients: readonly AddressFacts[]): Fate {
  const { handovers, strangers, last } = seen
  const keptBack = last === 'quarantine' || last === 'discard'
  // Whoever says OK answers for the original (RFC 5321 section 6.1), but for these two of core.
  if (told === 'queued' && !keptBack) return { kind: 'delivered' }

  if (handovers.some(({ state }) => state === 'open')) return { kind: 'open' }
  const had = handovers.filter(({ state }) => state !== 'not-taken')
  const to = strangers ? undefined : namedIn(had, recipients)
  if (had.some(({ state }) => state === 'taken')) return { kind: 'delivered', to }
  if (strangers || had.length > 0) return { kind: 'unknown', to }
  return { kind: 'nowhere', because: becauseOf(told, last) }
}

function becauseOf(told: Told, last: Seen['last']): Nowhere {
  if (told === 'nothing') return 'client-left'
  if (told !== 'queued') return told
  return last === 'quarantine' ? 'quarantined' : 'discarded'
}

/**
 * Which recipients were named to next hops; undefined: all, or somebody who is none of them. A next hop
 * without SMTPUTF8 was told A-labels.
 */
function namedIn(
  handovers: readonly Handover[],
  recipients: readonly AddressFacts[],
): readonly string[] | undefined {
  const keys = new Set<string>()
  for (const { recipients: some } of handovers) {
    if (!some) return undefined
    for (const address of some) keys.add(factsOfPath(address).key)
  }
  const named = recipients.filter(({ key }) => keys.has(key))
  const isEverybodyKnown = new Set(named.map(({ key }) => key)).size === keys.size
  return isEverybodyKnown && named.length < recipients.length
    ? named.map(({ address }) => address)
    : undefined
}

/**
 * Whom next hops were told of though they are none of the recipients, as queue/smtp_proxy has it when the
 * next hop accepts one after the client was told otherwise (a plugin timeout at RCPT).
 */
export function strangersIn(
  { handovers }: Seen,
  recipients: readonly AddressFacts[],
): AddressFacts[] {
  const named = handovers
    .filter(({ state }) => state !== 'not-taken')
    .flatMap(({ recipients: some = [] }) => some.map(factsOfPath))
  if (named.length === 0) return named
  const known = new Set(recipients.map(({ key }) => key))
  return named.filter(({ key }) => !known.has(key) && known.add(key))
}

/** The route with those of its recipients only. */
export function narrowed(route: Route, to: readonly string[]): Route {
  const { recipients, given } = route
  const isIn = (_: unknown, at: number) => to.includes(recipients[at] ?? '')
  return {
    ...route,
    recipients: recipients.filter(isIn),
    ...(given && { given: given.filter(isIn) }),
  }
}
