import type { Attempted, TdcEvent } from '../monitor/events'
import { bounceResponse, expiredResponse } from './bounce-response'
import type { Copy } from './copy'
import type { Step } from './next-step'

type Retry = Extract<Step, { kind: 'retry' }>
type Fallback = Extract<Step, { kind: 'fallback' }>
type End = Exclude<Step, { kind: 'retry' | 'fallback' | 'left' | 'dropped' }>

/** What is told of a copy that will be tried again; times in milliseconds. */
export function deferredEvent(copy: Copy, age: number, step: Retry, retryDelay: number): TdcEvent {
  const { failure, retry, retries } = step
  return {
    kind: 'deferred',
    ...attemptedOf(copy, age, step),
    failure: failure.kind,
    response: bounceResponse(failure, 4),
    retry,
    retries,
    seconds: Math.round(retryDelay / 1000),
  }
}

/** What is told of a copy that goes out again in another form. */
export function fallbackEvent(copy: Copy, age: number, step: Fallback): TdcEvent {
  const response = bounceResponse(step.failure, 5)
  return { kind: 'fell-back', ...attemptedOf(copy, age, step), response }
}

/** What is told of a copy after its last attempt, or at the end of its time. */
export function endEvent(copy: Copy, age: number, step: End): TdcEvent {
  const attempted = attemptedOf(copy, age, step)
  switch (step.kind) {
    case 'delivered':
      return { kind: 'delivered', ...attempted, response: step.response }
    case 'tls-error':
      return { kind: 'tls-error', ...attempted, response: bounceResponse(step.failure, 5) }
    case 'hard-bounce': {
      const response = bounceResponse(step.failure, 5)
      return { kind: 'hard-bounced', ...attempted, failure: step.failure.kind, response }
    }
    case 'expired':
      return { kind: 'expired', ...attempted, response: expiredResponse(step.failure) }
  }
}

function attemptedOf(copy: Copy, age: number, { kind, dcid }: Retry | Fallback | End): Attempted {
  const { mid, recipient: intake, messageId, failedAttempts } = copy
  // What expired while it waited had no further attempt; a retry is counted already.
  const attempts = failedAttempts + (kind === 'retry' || kind === 'expired' ? 0 : 1)
  return { mid, intake, messageId, dcid, age, attempts }
}
