import { refusesContent, retriesOf } from '../delivery/retries'
import type { Failure, Outcome, Taker } from '../smtp/outcome'
import type { Cause, GivenUp } from './kept-name'

/** What happens to a copy after an attempt. */
export type Step =
  | { kind: 'delivered'; dcid: number; response: string; taker: Taker | undefined }
  | { kind: 'retry'; dcid: number; failure: Failure; retry: number; retries: number }
  /** Once more, with the original as a file. */
  | { kind: 'fallback'; dcid: number; failure: Failure }
  | { kind: 'tls-error'; dcid: number; failure: Failure & { kind: 'tls' } }
  | { kind: 'hard-bounce'; dcid: number; failure: Failure }
  | { kind: 'expired'; dcid: number; failure: Failure | undefined }
  /** Somebody asked for its end. */
  | { kind: 'dropped' }
  /** Neither delivered nor failed: it stays on disk for the next process. */
  | { kind: 'left' }

export interface History {
  /** Attempts that failed before this one. */
  readonly failedAttempts: number
  /** Why this attempt is the last one: its time is over, or somebody asked for its end. */
  readonly over: 'expired' | 'dropped' | undefined
  readonly lastFailure: Failure | undefined
  /** There is another form in which it was not tried. */
  readonly mayFallBack: boolean
}

/** The one place where an outcome becomes what happens next (spec 5.4 and 5.5). */
export function stepAfter(outcome: Outcome, history: History): Step {
  const { dcid } = outcome
  if (history.over === 'dropped' && outcome.kind !== 'delivered') return { kind: 'dropped' }
  switch (outcome.kind) {
    case 'delivered':
      return { kind: 'delivered', dcid, response: outcome.response, taker: outcome.taker }
    case 'aborted':
      return history.over
        ? { kind: 'expired', dcid, failure: history.lastFailure }
        : { kind: 'left' }
    case 'failed': {
      const { failure } = outcome
      if (failure.kind === 'tls') return { kind: 'tls-error', dcid, failure }
      if (history.mayFallBack && !history.over && refusesContent(failure)) {
        return { kind: 'fallback', dcid, failure }
      }
      const retries = retriesOf(failure)
      if (history.failedAttempts >= retries) return { kind: 'hard-bounce', dcid, failure }
      if (history.over) return { kind: 'expired', dcid, failure }
      return { kind: 'retry', dcid, failure, retry: history.failedAttempts + 1, retries }
    }
  }
}

/** Not without a session, and not when the intake answered no. */
export function mayHaveArrived(outcome: Outcome): boolean {
  if (outcome.kind === 'failed' && outcome.failure.kind === 'reply') return false
  return outcome.dcid !== 0 && !('unsent' in outcome)
}

/**
 * A copy that the intake took no copies for may go again when it does. One that is sent again already
 * may only when it surely was not delivered.
 */
export function givenUp(
  { kind, failure }: Step & { kind: Cause },
  {
    isReplayed,
    mayHaveArrived,
  }: { readonly isReplayed: boolean; readonly mayHaveArrived: boolean },
): GivenUp {
  const isFinal = failure?.kind === 'reply' && failure.reply.code >= FINAL
  return { cause: kind, outage: !isFinal && !(isReplayed && mayHaveArrived) }
}

/** RFC 5321 4.2.1: replies from here on are no for good. */
const FINAL = 500
