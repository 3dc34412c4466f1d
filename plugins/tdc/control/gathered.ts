import { mergeStatus } from '../monitor/merge'
import type { SilentWorker, Status } from '../monitor/status'
import { MOST_FOUND, STEPS_KEPT, type TrackedMessage } from '../monitor/tracked'
import { type Answer, no, ok } from './answer'
import type { Answers, Processes } from './processes'
import type { Request } from './request'

/** What became of a question to all processes. */
export interface Found {
  /** The newest first; at most MOST_FOUND. */
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
        return statusOf(all)
      case 'track':
        return ok(foundIn(all))
      case 'explain':
      case 'send-test':
        return all.answers[0] ?? no(NOBODY)
    }
  }

  /** Rejects when no process answered. */
  async status(): Promise<Status> {
    const answer = await this.answer({ ask: 'status' })
    if (answer.kind === 'no') throw new Error(answer.why)
    return answer.value as Status
  }

  async track(wanted: string): Promise<Found> {
    const answer = await this.answer({ ask: 'track', wanted })
    if (answer.kind === 'no') throw new Error(answer.why)
    return answer.value as Found
  }
}

const NOBODY = 'no worker process answered in time'

function valuesOf<T>({ answers }: Answers): T[] {
  return answers.flatMap((answer) => (answer.kind === 'ok' ? [answer.value as T] : []))
}

function statusOf(all: Answers): Answer<Status> {
  const [first, ...others] = valuesOf<Status>(all)
  if (!first) return no(NOBODY)
  const merged = mergeStatus([first, ...others])
  return ok({ ...merged, silent: [...merged.silent, ...all.silent] })
}

/** A copy that another worker found after a crash has steps in both. */
function foundIn(all: Answers): Found {
  const messages = new Map<string, TrackedMessage>()
  for (const message of valuesOf<TrackedMessage[]>(all).flat()) {
    const other = messages.get(message.transaction)
    messages.set(message.transaction, other ? together(other, message) : message)
  }
  const newestFirst = [...messages.values()].sort((a, b) => b.at - a.at)
  return { messages: newestFirst.slice(0, MOST_FOUND), silent: all.silent }
}

function together(a: TrackedMessage, b: TrackedMessage): TrackedMessage {
  const seen = a.recipientCount > 0 ? a : b
  const steps = [...a.steps, ...b.steps].sort((x, y) => x.at - y.at).slice(0, STEPS_KEPT)
  return { ...seen, at: Math.min(a.at, b.at), messageId: a.messageId || b.messageId, steps }
}
