import type { Seen, Told } from '../haraka/original-watch'

/** What is known of an original's way to its mailboxes. A queue in front of one counts as it. */
export type Fate =
  /** `toAll`: every recipient has it. */
  | { kind: 'delivered'; toAll: boolean }
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
  if (told === 'queued' && !keptBack) return { kind: 'delivered', toAll: true }

  const taken = handovers.filter(({ state }) => state === 'taken')
  if (taken.length > 0) {
    const toAll = taken.some(({ recipients: some }) => some === undefined)
    const had = taken.reduce((sum, { recipients: some = 0 }) => sum + some, 0)
    return { kind: 'delivered', toAll: toAll || had >= recipients }
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
