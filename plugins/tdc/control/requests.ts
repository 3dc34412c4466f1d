import { type Answer, answerOf } from '../base/answer'
import type { AskedFor, Parts, RequestRow } from './asking'
import { OF_COPIES } from './copies'
import { OF_GIVEN_UP } from './given-up'
import { OF_MACHINES } from './machines'
import { OF_MESSAGES } from './tracked-messages'

/**
 * What can be asked of a running connector: over the control socket as one line of JSON, and from one
 * process to the others.
 */
export const REQUESTS = { ...OF_MESSAGES, ...OF_COPIES, ...OF_GIVEN_UP, ...OF_MACHINES } as const

type Requests = typeof REQUESTS
export type RequestName = keyof Requests

/** What a request has in it, but for its name. */
export type AskedBy<N extends RequestName> = AskedFor<Requests[N]['fields']>
export type Request = { [N in RequestName]: { readonly ask: N } & AskedBy<N> }[RequestName]
/** What it is answered with. */
export type AnswerTo<N extends RequestName> = Awaited<ReturnType<Requests[N]['merge']>>

export function rowFor(request: Request): RequestRow {
  return REQUESTS[request.ask]
}

/** Answers a request by what this process knows. */
export type AnswerHere = (request: Request) => Answer | Promise<Answer>

export function answersOf(parts: Parts): AnswerHere {
  return (request) => answerOf(() => rowFor(request).here(parts, request))
}

/** A request from outside, or the sentence that says what is wrong with it. */
export function parseRequest(value: unknown): Request | string {
  if (typeof value !== 'object' || value === null) return 'the request is not an object'
  const given = value as Readonly<Record<string, unknown>>
  const { ask } = given
  if (typeof ask !== 'string' || !Object.hasOwn(REQUESTS, ask)) {
    return `unknown request, expected one of ${Object.keys(REQUESTS).join(', ')}`
  }
  const request: Record<string, unknown> = { ask }
  for (const [name, field] of Object.entries<RequestRow['fields'][string]>(
    REQUESTS[ask as RequestName].fields,
  )) {
    const wrong = field(given[name], name)
    if (wrong !== undefined) return `${ask}: ${wrong}`
    request[name] = given[name]
  }
  return request as Request
}
