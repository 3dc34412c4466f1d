/**
 * What can be asked of a running connector: over the control socket as one line of JSON, and from one
 * process to the others.
 */
export type Request =
  | { readonly ask: 'status' }
  /** A MID, a transaction, a Message-ID or an address. */
  | { readonly ask: 'track'; readonly wanted: string }
  | {
      readonly ask: 'explain'
      readonly from: string
      readonly to: string
      readonly relaying: boolean
    }
  /** To the default intake address, or to `intake`. */
  | { readonly ask: 'send-test'; readonly intake: string }

/** What `send-test` is answered with: the MID of the copy that is in the queue now. */
export interface TestSent {
  readonly mid: string
  readonly intake: string
}

export type Ask = Request['ask']

interface Shape {
  readonly strings: readonly string[]
  readonly flags: readonly string[]
  /** Answered by all processes, or by any one. */
  readonly by: 'all' | 'one'
  /** Milliseconds in which a process has to answer. */
  readonly within: number
}

const ANSWER_TIME = 1_000

/** Writing a copy to a slow disk may take long. */
const WRITING_TIME = 20_000

export const SHAPES: Readonly<Record<Ask, Shape>> = {
  status: { strings: [], flags: [], by: 'all', within: ANSWER_TIME },
  track: { strings: ['wanted'], flags: [], by: 'all', within: ANSWER_TIME },
  explain: { strings: ['from', 'to'], flags: ['relaying'], by: 'one', within: ANSWER_TIME },
  'send-test': { strings: ['intake'], flags: [], by: 'one', within: WRITING_TIME },
}

/** Longest value of a field; an address or a Message-ID is shorter (RFC 5322 section 2.1.1). */
const LONGEST_FIELD = 1_000

/** A request from outside, or the sentence that says what is wrong with it. */
export function parseRequest(value: unknown): Request | string {
  if (typeof value !== 'object' || value === null) return 'the request is not an object'
  const fields = value as Readonly<Record<string, unknown>>
  const { ask } = fields
  if (typeof ask !== 'string' || !Object.hasOwn(SHAPES, ask)) {
    return `unknown request, expected one of ${Object.keys(SHAPES).join(', ')}`
  }
  const { strings, flags } = SHAPES[ask as Ask]
  const request: Record<string, unknown> = { ask }
  for (const name of strings) {
    const field = fields[name]
    if (typeof field !== 'string') return `${ask}: ${name} is not a text`
    if (field.length > LONGEST_FIELD) return `${ask}: ${name} is longer than ${LONGEST_FIELD}`
    request[name] = field
  }
  for (const name of flags) {
    const field = fields[name]
    if (typeof field !== 'boolean') return `${ask}: ${name} is not true or false`
    request[name] = field
  }
  return request as Request
}
