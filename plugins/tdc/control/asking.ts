import type { Sought } from '../base/sought'
import type { Clock } from '../clock'
import type { SharedCluster } from '../cluster/shared-cluster'
import type { Route } from '../decide/decision'
import type { Internals } from '../haraka/contract'
import type { LoopKeys } from '../haraka/loop-key'
import type { Monitor } from '../monitor/monitor'
import type { Sharing, SilentWorker, Status } from '../monitor/status'
import type { Adoption } from '../queue/adoption'
import type { Journey } from '../queue/journey'
import type { KeptCopies } from '../queue/kept-copies'
import type { KeptDay } from '../queue/kept-day'
import type { LostCopies } from '../queue/lost-copies'
import type { Preparer } from '../queue/preparer'
import type { QueueCommands } from '../queue/queue-commands'
import type { Replay } from '../queue/replay'
import type { SharedLook } from '../queue/shared/shared-view'
import type { CurrentSettings } from '../settings/current'

/** What a process answers with. */
export interface Parts {
  readonly internals: Internals
  readonly clock: Clock
  readonly monitor: Monitor
  readonly settings: CurrentSettings
  readonly loopKeys: LoopKeys
  readonly queue: {
    readonly commands: QueueCommands
    readonly kept: KeptCopies
    readonly lost: LostCopies
    readonly replay: Replay
    readonly adoption: Adoption
    readonly preparer: Preparer
    readonly sharedLook: SharedLook
  }
  /** In the only process, or in the master; so is `shared`, what the machines share. */
  readonly day: KeptDay | undefined
  readonly shared: SharedCluster | undefined
  readonly gateway: string
  readonly journey: (routes: readonly Route[]) => Journey
  readonly status: () => Status
}

/** What a field of a request must be: the sentence that says what is wrong with it, or undefined. */
interface Field<T> {
  (value: unknown, name: string): string | undefined
  readonly of?: T
}

export type Fields = Readonly<Record<string, Field<unknown>>>

/** A request, without its name. */
export type AskedFor<F extends Fields> = {
  readonly [N in keyof F]: F[N] extends Field<infer T> ? T : never
}

/** What the processes that were asked know. */
export interface Known<Here> {
  readonly values: readonly Here[]
  /** Why one of them says no. */
  readonly refused: string | undefined
  /** Who did not answer in time. */
  readonly silent: readonly SilentWorker[]
}

/** A request: what it has in it, who answers, and how the answers of several become one. */
export interface RequestRow<F extends Fields = Fields, Here = unknown, All = unknown> {
  readonly fields: F
  /** Answered by all processes, by any one that has copies, or by the only one or the master. */
  readonly by: 'all' | 'one' | 'primary'
  /** Milliseconds in which a process has to answer. */
  readonly within: number
  /** By what this process knows and has. What it throws is the sentence that says no. */
  here(parts: Parts, asked: AskedFor<F>): Here | Promise<Here>
  /** `sharing`: of the master, which alone knows it. */
  merge(known: Known<Here>, asked: AskedFor<F>, sharing: () => Promise<Sharing | null>): All
}

/** AskedFor of all processes. */
export function ofAll<F extends Fields, Here, All>(
  row: Omit<RequestRow<F, Here, All>, 'by' | 'within'> & { readonly within?: number },
): RequestRow<F, Here, All> {
  return { within: QUICK_TIME, ...row, by: 'all' }
}

/** AskedFor of one process, of any or of the one that is there once. */
export function ofOne<F extends Fields, Here>(
  by: 'one' | 'primary',
  row: Pick<RequestRow<F, Here>, 'fields' | 'here'> & { readonly within?: number },
): RequestRow<F, Here, Here> {
  return { within: by === 'one' ? QUICK_TIME : WRITING_TIME, ...row, by, merge: first }
}

/** For what has to have an answer. */
export function first<Here>({ values }: Pick<Known<Here>, 'values'>): Here {
  if (values.length === 0) throw new Error('no worker process answered in time')
  return values[0] as Here
}

export const QUICK_TIME = 1_000
/** Writing to a slow disk may take long, and so may Redis, which is asked several times. */
export const WRITING_TIME = 20_000
/** A file after the other, of a hundred thousand. A process that ends meanwhile is not waited for. */
export const ALL_FILES_TIME = 600_000

/** Copies of one process that are listed at most. */
export const MOST_LISTED = 1_000

/** Longest value of a field; an address or a Message-ID is shorter (RFC 5322 section 2.1.1). */
const LONGEST_FIELD = 1_000
/** Of one text in a list, and how many there are. */
const LONGEST_ITEM = 5_000
const MOST_ITEMS = 20

const text: Field<string> = (value, name) => {
  if (typeof value !== 'string') return `${name} is not a text`
  return value.length > LONGEST_FIELD ? `${name} is longer than ${LONGEST_FIELD}` : undefined
}

const flag: Field<boolean> = (value, name) =>
  typeof value === 'boolean' ? undefined : `${name} is not true or false`

const count: Field<number> = (value, name) =>
  Number.isSafeInteger(value) && (value as number) >= 0
    ? undefined
    : `${name} is not a whole number`

const texts: Field<readonly string[]> = (value, name) => {
  if (!Array.isArray(value) || value.length > MOST_ITEMS) {
    return `${name} is not a list of at most ${MOST_ITEMS}`
  }
  const isText = (item: unknown) => typeof item === 'string' && item.length <= LONGEST_ITEM
  return value.every(isText) ? undefined : `${name} has more than texts of ${LONGEST_ITEM}`
}

export const FIELD = { text, flag, count, texts }

/** base/sought.ts */
export const SOUGHT = {
  intake: text,
  sender: text,
  recipient: text,
  since: count,
}
export const LISTING = { sort: text, most: count }

/** Whether copies of some people are asked for. */
export function asksWho({ sender, recipient }: Pick<Sought, 'sender' | 'recipient'>): boolean {
  return sender !== '' || recipient !== ''
}
