import type { Failure } from '../smtp/outcome'
import { bounceText } from '../monitor/words'
import { bounceResponse } from './bounce-response'
import type { Copy } from './copy'

/** Where a copy stands, in the words of its display. */
const STATES = {
  /** Written ahead; the original is still on its way. */
  prepared: 'prepared',
  courier: 'active',
  /** Put off until its retry. */
  waiting: 'deferred',
  held: 'held',
  finishing: 'ending',
  unremovable: 'unremovable',
} as const

/** One copy in the queue as a plain value. */
export interface QueuedCopy {
  readonly mid: string
  /** `user@domain`. */
  readonly intake: string
  readonly state: (typeof STATES)[keyof typeof STATES]
  /** Milliseconds since it entered the queue, or was found or replayed. */
  readonly ageMs: number
  /** Attempts that failed and were charged to it. */
  readonly attempts: number
  /** Octets of the message. */
  readonly size: number
  /** Why the last attempt failed, in words that are safe to show; null: none did. */
  readonly lastFailure: string | null
}

export function queuedCopy(
  entry: { copy: Copy; at: keyof typeof STATES; lastFailure?: Failure | undefined },
  age: number,
): QueuedCopy {
  const { copy, at, lastFailure } = entry
  return {
    mid: copy.mid,
    intake: copy.recipient,
    state: STATES[at],
    ageMs: Math.round(age),
    attempts: copy.failedAttempts,
    size: copy.size,
    lastFailure: lastFailure ? bounceText(bounceResponse(lastFailure, 4)) : null,
  }
}
