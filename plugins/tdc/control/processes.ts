import cluster, { type Worker as ClusterWorker } from 'node:cluster'
import type { Answer } from '../base/answer'
import type { Clock } from '../clock'
import type { SilentWorker } from '../monitor/status'
import { type AnswerHere, type Request, rowFor } from './requests'

/** What the processes of this server answered. */
export interface Answers {
  readonly answers: readonly Answer[]
  /** Who did not answer in time. */
  readonly silent: readonly SilentWorker[]
}

/** An answer that cannot be made or sent: whoever asked counts this process among the silent. */
export function unanswered(): void {}

/** The processes of this server, asked from any of them. */
export interface Processes {
  ask(request: Request): Promise<Answers>
}

/** The only one there is. */
export class OneProcess implements Processes {
  constructor(private readonly here: AnswerHere) {}

  async ask(request: Request): Promise<Answers> {
    return { answers: [await this.here(request)], silent: [] }
  }
}

/** Between master and workers; Haraka's own messages have an `event` too. */
export type Message =
  /** From a worker: ask all. */
  | { readonly event: 'tdc.gather'; readonly id: number; readonly request: Request }
  /** To a worker: what do you know? */
  | { readonly event: 'tdc.question'; readonly id: number; readonly request: Request }
  | { readonly event: 'tdc.answer'; readonly id: number; readonly answer: Answer }
  /** To the worker that asked for all. */
  | { readonly event: 'tdc.gathered'; readonly id: number; readonly answers: Answers }

const EVENTS: ReadonlySet<unknown> = new Set([
  'tdc.gather',
  'tdc.question',
  'tdc.answer',
  'tdc.gathered',
] satisfies Message['event'][])

/** One of ours: it was written by this plugin in another process, so no more is looked at. */
export function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && EVENTS.has((value as Message).event)
}

/** Answers that are waited for, by number. One that comes too late, or twice, is nobody's. */
export class Waiting<T> {
  private readonly takers = new Map<
    number,
    { readonly from: number; readonly take: (value: T | undefined) => void }
  >()
  private last = 0

  constructor(private readonly clock: Clock) {}

  /**
   * `ask` is given the number that the answer of `from` will bear; undefined after `within` milliseconds,
   * or when `from` has ended.
   */
  answer(within: number, from: number, ask: (id: number) => void): Promise<T | undefined> {
    const id = ++this.last
    return new Promise((resolve) => {
      const deadline = this.clock.after(within, () => this.come(id, undefined))
      const take = (value: T | undefined): void => {
        deadline.cancel()
        resolve(value)
      }
      this.takers.set(id, { from, take })
      ask(id)
    })
  }

  come(id: number, value: T | undefined): void {
    const taker = this.takers.get(id)
    this.takers.delete(id)
    taker?.take(value)
  }

  ended(process: number): void {
    for (const [id, { from }] of this.takers) if (from === process) this.come(id, undefined)
  }
}

/** A worker process as the master reaches it. */
export interface WorkerLink extends SilentWorker {
  send(message: Message): void
}

/** The master: asks its workers, which have the copies, and for a worker the others. */
export class Master implements Processes {
  private readonly waiting: Waiting<Answer>

  constructor(
    clock: Clock,
    private readonly workers: () => readonly WorkerLink[],
    private readonly here: AnswerHere,
  ) {
    this.waiting = new Waiting(clock)
  }

  /** What concerns it, and all while it has no workers, it answers itself. */
  async ask(request: Request): Promise<Answers> {
    const { by, within } = rowFor(request)
    const workers = this.workers()
    if (workers.length === 0 || by === 'primary') {
      return { answers: [await this.here(request)], silent: [] }
    }
    const asked = by === 'one' ? workers.slice(0, 1) : workers
    const answered = await Promise.all(
      asked.map(async (link) => ({ link, answer: await this.askWorker(link, request, within) })),
    )
    return {
      answers: answered.flatMap(({ answer }) => answer ?? []),
      silent: answered
        .filter(({ answer }) => answer === undefined)
        .map(({ link: { worker, pid } }) => ({ worker, pid })),
    }
  }

  /** A message of a worker. */
  heard(from: WorkerLink, message: Message): void {
    if (message.event === 'tdc.answer') this.waiting.come(message.id, message.answer)
    if (message.event === 'tdc.gather') this.gatherFor(from, message.id, message.request)
  }

  /** A worker has ended: what it was asked, it will not answer. */
  ended(worker: number): void {
    this.waiting.ended(worker)
  }

  private gatherFor(from: WorkerLink, id: number, request: Request): void {
    this.ask(request)
      .then((answers) => from.send({ event: 'tdc.gathered', id, answers }))
      .catch(unanswered)
  }

  private askWorker(
    link: WorkerLink,
    request: Request,
    within: number,
  ): Promise<Answer | undefined> {
    return this.waiting.answer(within, link.worker, (id) => {
      link.send({ event: 'tdc.question', id, request })
    })
  }
}

/** In place of a worker's number, which begins at 1. */
const MASTER = 0

/** Beyond the time that the workers have: the master's own, in milliseconds. */
const MASTER_TIME = 500

/** A worker: answers the master, and asks it for what all know. */
export class Worker implements Processes {
  private readonly waiting: Waiting<Answers>

  constructor(
    clock: Clock,
    private readonly send: (message: Message) => void,
    private readonly here: AnswerHere,
    /** The master's process id. */
    private readonly master: number,
  ) {
    this.waiting = new Waiting(clock)
  }

  /** When the master does not answer, what this worker knows is all there is. */
  async ask(request: Request): Promise<Answers> {
    const within = rowFor(request).within + MASTER_TIME
    const all = await this.waiting.answer(within, MASTER, (id) => {
      this.send({ event: 'tdc.gather', id, request })
    })
    if (all) return all
    const silent = [{ worker: MASTER, pid: this.master }]
    return { answers: [await this.here(request)], silent }
  }

  /** A message of the master. */
  heard(message: Message): void {
    if (message.event === 'tdc.gathered') this.waiting.come(message.id, message.answers)
    if (message.event === 'tdc.question') this.answer(message.id, message.request)
  }

  private answer(id: number, request: Request): void {
    Promise.resolve(this.here(request))
      .then((answer) => this.send({ event: 'tdc.answer', id, answer }))
      .catch(unanswered)
  }
}

/** The processes of this server over Node's cluster, from whichever of them this is. */
export function processesOf(clock: Clock, here: AnswerHere): Processes {
  return cluster.isPrimary ? master(clock, here) : worker(clock, here)
}

function master(clock: Clock, here: AnswerHere): Processes {
  const links = () =>
    Object.values(cluster.workers ?? {}).flatMap((each) =>
      each?.isConnected() ? linkTo(each) : [],
    )
  const made = new Master(clock, links, here)
  cluster.on('message', (from, message: unknown) => {
    if (isMessage(message)) made.heard(linkTo(from), message)
  })
  cluster.on('disconnect', ({ id }) => made.ended(id))
  return made
}

function linkTo(worker: ClusterWorker): WorkerLink {
  return {
    worker: worker.id,
    pid: worker.process.pid ?? 0,
    // A worker that ends meanwhile is one that does not answer.
    send: (message) => void worker.send(message, () => {}),
  }
}

function worker(clock: Clock, here: AnswerHere): Processes {
  const send = (message: Message): void => {
    if (process.connected) process.send?.(message, undefined, undefined, () => {})
  }
  const made = new Worker(clock, send, here, process.ppid)
  process.on('message', (message: unknown) => {
    if (isMessage(message)) made.heard(message)
  })
  return made
}
