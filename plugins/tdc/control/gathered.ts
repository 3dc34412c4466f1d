import { ANY } from '../base/sought'
import { mergeStatus } from '../monitor/status'
import type { MinuteFigures } from '../monitor/over-time'
import type { Sharing, SilentWorker, Status } from '../monitor/status'
import { MOST_FOUND, RECENT_SHARED, STEPS_KEPT, type TrackedMessage } from '../monitor/tracked'
import { MESSAGE_ORDERS, orderOf, QUEUE_ORDERS } from './orders'
import { type Answer, type Answers, no, ok, type Processes } from './processes'
import { type Listing, MOST_LISTED, type Request } from './request'

/** What became of a question to all processes. */
export interface Found {
  readonly messages: readonly TrackedMessage[]
  /** Workers that did not answer in time. */
  readonly silent: readonly SilentWorker[]
}

/** What the processes of one server know together, asked from any of them. */
export class Gathered {
  constructor(private readonly processes: Processes) {}

  /** One value for a request, whoever has to answer. */
  async answer(request: Request): Promise<Answer> {
    const all = await this.processes.ask(request)
    switch (request.ask) {
      case 'status':
        return statusOf(all, await this.sharing())
      case 'track':
        return ok(foundIn(all, request))
      case 'queue':
        return listed(all, request)
      case 'show':
        return shown(all)
      case 'intake-domains':
        return ok([...new Set(valuesOf<string[]>(all).flat())].sort())
      case 'hold':
      case 'release':
      case 'flush':
        return summed(all)
      case 'drop':
        return ok({ dropped: valuesOf<boolean>(all).some(Boolean), silent: all.silent })
      case 'recent':
        return ok(newestFirst(all).slice(0, RECENT_SHARED))
      case 'day':
      case 'explain':
      case 'history':
      case 'kept':
      case 'replay':
      case 'adopt':
      case 'send-test':
      case 'shared-set':
      case 'shared-unset':
      case 'shared-history':
      case 'shared-trouble':
      case 'shared-revert':
      case 'cluster-status':
      case 'cluster-track':
        return all.answers[0] ?? no(NOBODY)
    }
  }

  /** Rejects when no process answered. */
  async status(): Promise<Status> {
    const answer = await this.answer({ ask: 'status' })
    if (answer.kind === 'no') throw new Error(answer.why)
    return answer.value as Status
  }

  /** Null also when nothing is shared, or nobody can say. */
  private async sharing(): Promise<Sharing | null> {
    const answer = await this.answer({ ask: 'shared-trouble' })
    return answer.kind === 'ok' ? (answer.value as Sharing | null) : null
  }

  /** What all machines say of themselves (cluster/cluster-view.ts). */
  machines<View>(): Promise<Answer<View>> {
    return this.answer({ ask: 'cluster-status' }) as Promise<Answer<View>>
  }

  /** The last 24 hours of one intake domain, or of all (''). */
  async day(intake: string): Promise<readonly MinuteFigures[]> {
    const answer = await this.answer({ ask: 'day', intake })
    if (answer.kind === 'no') throw new Error(answer.why)
    return answer.value as MinuteFigures[]
  }

  /** The last copies that were given up (queue/lost-copies.ts), the newest first. */
  async lost<Copy>(): Promise<readonly Copy[]> {
    const answer = await this.answer({
      ask: 'history',
      reason: '',
      ...ANY,
      sort: '',
      most: MOST_LISTED,
    })
    if (answer.kind === 'no') throw new Error(answer.why)
    return (answer.value as { readonly copies: readonly Copy[] }).copies
  }

  /** The last messages of all processes, the newest first. */
  async recent(): Promise<readonly TrackedMessage[]> {
    const answer = await this.answer({ ask: 'recent' })
    return answer.kind === 'ok' ? (answer.value as TrackedMessage[]) : []
  }

  /** What is '': any. */
  async track(wanted: string, intake = '', cameTo = '', most = MOST_FOUND): Promise<Found> {
    const sought = { ...ANY, intake, cameTo, sort: 'newest', most }
    const answer = await this.answer({ ask: 'track', wanted, ...sought })
    if (answer.kind === 'no') throw new Error(answer.why)
    return answer.value as Found
  }
}

const NEWEST: Listing = { sort: 'newest', most: MOST_FOUND }

const NOBODY = 'no worker process answered in time'

function valuesOf<T>({ answers }: Answers): T[] {
  return answers.flatMap((answer) => (answer.kind === 'ok' ? [answer.value as T] : []))
}

function statusOf(all: Answers, sharing: Sharing | null): Answer<Status> {
  const [first, ...others] = valuesOf<Status>(all)
  if (!first) return no(NOBODY)
  const merged = mergeStatus([first, ...others])
  return ok({ ...merged, sharing, silent: [...merged.silent, ...all.silent] })
}

/** Copies of all processes. */
function listed(all: Answers, { sort, most }: Listing): Answer {
  const order = orderOf(QUEUE_ORDERS, sort)
  const copies = valuesOf<Parameters<typeof order>[0][]>(all).flat()
  return ok({ copies: copies.sort(order).slice(0, most), silent: all.silent })
}

/** What the processes together know of one copy. */
export interface Shown<Copy = unknown, Kept = unknown> {
  /** Null: it is not in the queue. */
  readonly copy: Copy | null
  /** Null: it is not among those that were given up and kept. */
  readonly kept: Kept | null
  readonly messages: readonly TrackedMessage[]
  readonly silent: readonly SilentWorker[]
}

function shown(all: Answers): Answer<Shown> {
  const known = valuesOf<Shown>(all)
  const messages = known.map((each) => ok(each.messages))
  return ok({
    copy: known.find(({ copy }) => copy !== null)?.copy ?? null,
    kept: known.find(({ kept }) => kept !== null)?.kept ?? null,
    ...foundIn({ answers: messages, silent: all.silent }, NEWEST),
  })
}

/** How many copies it was about; a refusal of one process is one of all. */
function summed(all: Answers): Answer {
  const refused = all.answers.find(({ kind }) => kind === 'no')
  if (refused) return refused
  const copies = valuesOf<number>(all).reduce((sum, count) => sum + count, 0)
  return ok({ copies, silent: all.silent })
}

function foundIn(all: Answers, { sort, most }: Listing): Found {
  const messages = newestFirst(all).sort(orderOf(MESSAGE_ORDERS, sort))
  return { messages: messages.slice(0, most), silent: all.silent }
}

/** A copy that another worker found after a crash has steps in both. */
function newestFirst(all: Answers): TrackedMessage[] {
  const messages = new Map<string, TrackedMessage>()
  for (const message of valuesOf<TrackedMessage[]>(all).flat()) {
    const other = messages.get(message.transaction)
    messages.set(message.transaction, other ? together(other, message) : message)
  }
  return [...messages.values()].sort((a, b) => b.at - a.at)
}

function together(a: TrackedMessage, b: TrackedMessage): TrackedMessage {
  const seen = a.recipientCount > 0 ? a : b
  const steps = [...a.steps, ...b.steps].sort((x, y) => x.at - y.at).slice(0, STEPS_KEPT)
  return { ...seen, at: Math.min(a.at, b.at), messageId: a.messageId || b.messageId, steps }
}
