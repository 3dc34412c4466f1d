import type { Sought } from '../base/sought'

/**
 * What can be asked of a running connector: over the control socket as one line of JSON, and from one
 * process to the others.
 */
export type Request =
  | { readonly ask: 'status' }
  /** `cameTo`: what a copy came to (monitor/copies-of.ts); '': anything. */
  | ({ readonly ask: 'track'; readonly cameTo: string } & MessagesSought)
  | {
      readonly ask: 'explain'
      readonly from: string
      readonly to: string
      /** What a plugin makes of `to`; '': it stays. */
      readonly becomes: string
      /** Of the client; '': not known. */
      readonly ip: string
      readonly relaying: boolean
    }
  /** The copies in the queue. */
  | ({ readonly ask: 'queue' } & Sought & Listing)
  /** The copies that were given up and kept. */
  | ({ readonly ask: 'kept' } & KeptSought & Listing)
  /** The copies that were given up, those of before a restart included. */
  | ({ readonly ask: 'history'; readonly reason: string } & Sought & Listing)
  | { readonly ask: 'show'; readonly mid: string }
  /** Domains of intakes: of the settings, of copies, and those that are held. */
  | { readonly ask: 'intake-domains' }
  /** Of one intake domain; '': of all. */
  | { readonly ask: 'hold' | 'release'; readonly domain: string }
  | { readonly ask: 'flush' }
  | { readonly ask: 'drop'; readonly mid: string }
  | ({ readonly ask: 'replay'; readonly mid: string } & KeptSought)
  /** Copies in the queue directory of another server; `force`: also when that seems to run. */
  | { readonly ask: 'adopt'; readonly directory: string; readonly force: boolean }
  /** To the default intake address, or to `intake`. */
  | { readonly ask: 'send-test'; readonly intake: string }
  /** The last 24 hours, minute by minute; of one intake domain, or '': of all. */
  | { readonly ask: 'day'; readonly intake: string }
  /** The last messages of each process, for the other machines. */
  | { readonly ask: 'recent' }
  | ClusterRequest

/** What concerns all machines; the only process or the master answers it. */
export type ClusterRequest =
  | {
      readonly ask: 'shared-set'
      /** `cluster`, `group=NAME` or `machine=HOST`. */
      readonly level: string
      /** '': the values are the level's own. */
      readonly policy: string
      /** `KEY=VALUE` each. */
      readonly values: readonly string[]
      /** Who asks. */
      readonly user: string
      /** Also if that turns off machines which it does not name. */
      readonly spreads: boolean
    }
  | {
      readonly ask: 'shared-unset'
      readonly level: string
      readonly policy: string
      /** Keys. */
      readonly values: readonly string[]
      readonly user: string
      readonly spreads: boolean
    }
  | { readonly ask: 'shared-history' }
  /** What is in the way between this machine and Redis. */
  | { readonly ask: 'shared-trouble' }
  | {
      readonly ask: 'shared-revert'
      readonly change: string
      readonly user: string
      readonly spreads: boolean
    }
  | { readonly ask: 'cluster-status' }
  | ({ readonly ask: 'cluster-track' } & MessagesSought)

/** How much is shown of what was found. */
export interface Listing {
  /** A word of orders.ts; '': the usual order. */
  readonly sort: string
  /** Of each process, too. */
  readonly most: number
}

export type MessagesSought = Sought &
  Listing & {
    /** A MID, a transaction, a Message-ID or an address; '': any. */
    readonly wanted: string
  }

/** Which kept copies; what is '' or 0 matches any. */
export type KeptSought = Pick<Sought, 'intake' | 'since'> & {
  /** Why a copy was given up. */
  readonly reason: string
}

/** What `send-test` is answered with: the MID of the copy that is in the queue now. */
export interface TestSent {
  readonly mid: string
  readonly intake: string
}

type Ask = Request['ask']

interface Shape {
  readonly strings: readonly string[]
  readonly flags: readonly string[]
  readonly numbers: readonly string[]
  /** Of texts. */
  readonly lists: readonly string[]
  /** Answered by all processes, by any one that has copies, or by the only one or the master. */
  readonly by: 'all' | 'one' | 'primary'
  /** Milliseconds in which a process has to answer. */
  readonly within: number
}

const ANSWER_TIME = 1_000

/** Writing to a slow disk may take long. */
const WRITING_TIME = 20_000

/** A file after the other, of a hundred thousand. A process that ends meanwhile is not waited for. */
const ALL_FILES_TIME = 600_000

const SOUGHT = ['intake', 'sender', 'recipient', 'sort']
const NUMBERS = ['since', 'most']

const NO_FIELDS = { strings: [], flags: [], numbers: [], lists: [] }
const ALL = { ...NO_FIELDS, by: 'all', within: ANSWER_TIME } as const
const ONE = { ...ALL, by: 'one' } as const

/** Redis is asked several times, and may have to be reached first. */
const REDIS_TIME = 20_000
const PRIMARY = { ...NO_FIELDS, by: 'primary', within: REDIS_TIME } as const
const CHANGE = {
  ...PRIMARY,
  strings: ['level', 'policy', 'user'],
  lists: ['values'],
  flags: ['spreads'],
}

export const SHAPES: Readonly<Record<Ask, Shape>> = {
  status: ALL,
  track: { ...ALL, strings: ['wanted', 'cameTo', ...SOUGHT], numbers: NUMBERS },
  explain: { ...ONE, strings: ['from', 'to', 'becomes', 'ip'], flags: ['relaying'] },
  queue: { ...ALL, strings: SOUGHT, numbers: NUMBERS },
  kept: { ...ONE, strings: ['intake', 'reason', 'sort'], numbers: NUMBERS, within: WRITING_TIME },
  history: { ...ONE, strings: ['reason', ...SOUGHT], numbers: NUMBERS, within: WRITING_TIME },
  show: { ...ALL, strings: ['mid'] },
  'intake-domains': ALL,
  hold: { ...ALL, strings: ['domain'], within: WRITING_TIME },
  release: { ...ALL, strings: ['domain'], within: WRITING_TIME },
  flush: { ...ALL, within: WRITING_TIME },
  drop: { ...ALL, strings: ['mid'], within: WRITING_TIME },
  replay: {
    ...ONE,
    strings: ['mid', 'intake', 'reason'],
    numbers: ['since'],
    within: ALL_FILES_TIME,
  },
  adopt: { ...ONE, strings: ['directory'], flags: ['force'], within: ALL_FILES_TIME },
  'send-test': { ...ONE, strings: ['intake'], within: WRITING_TIME },
  day: { ...PRIMARY, strings: ['intake'], within: ANSWER_TIME },
  recent: ALL,
  'shared-set': CHANGE,
  'shared-unset': CHANGE,
  'shared-history': PRIMARY,
  'shared-trouble': { ...PRIMARY, within: ANSWER_TIME },
  'shared-revert': { ...PRIMARY, strings: ['change', 'user'], flags: ['spreads'] },
  'cluster-status': PRIMARY,
  'cluster-track': { ...PRIMARY, strings: ['wanted', ...SOUGHT], numbers: NUMBERS },
}

/** Copies of one process that are listed at most. */
export const MOST_LISTED = 1_000

/** Messages of one process that are shown at most; each may take some kilobytes. */
export const MOST_TRACKED = 500

/** Longest value of a field; an address or a Message-ID is shorter (RFC 5322 section 2.1.1). */
const LONGEST_FIELD = 1_000
/** Of one text in a list, and how many there are. */
const LONGEST_ITEM = 5_000
const MOST_ITEMS = 20

/** A request from outside, or the sentence that says what is wrong with it. */
export function parseRequest(value: unknown): Request | string {
  if (typeof value !== 'object' || value === null) return 'the request is not an object'
  const fields = value as Readonly<Record<string, unknown>>
  const { ask } = fields
  if (typeof ask !== 'string' || !Object.hasOwn(SHAPES, ask)) {
    return `unknown request, expected one of ${Object.keys(SHAPES).join(', ')}`
  }
  const { strings, flags, numbers, lists } = SHAPES[ask as Ask]
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
  for (const name of lists) {
    const field = fields[name]
    if (!Array.isArray(field) || field.length > MOST_ITEMS) {
      return `${ask}: ${name} is not a list of at most ${MOST_ITEMS}`
    }
    const isText = (item: unknown) => typeof item === 'string' && item.length <= LONGEST_ITEM
    if (!field.every(isText)) return `${ask}: ${name} has more than texts of ${LONGEST_ITEM}`
    request[name] = field
  }
  for (const name of numbers) {
    const field = fields[name]
    if (!Number.isSafeInteger(field) || (field as number) < 0) {
      return `${ask}: ${name} is not a whole number`
    }
    request[name] = field
  }
  return request as Request
}
