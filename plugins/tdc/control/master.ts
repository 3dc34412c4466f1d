import type { Clock } from '../clock'
import type { SilentWorker } from '../monitor/status'
import type { Answer } from './answer'
import type { Message } from './messages'
import { type AnswerHere, type Answers, type Processes, unanswered } from './processes'
import { type Request, SHAPES } from './request'
import { Waiting } from './waiting'

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
    const { by, within } = SHAPES[request.ask]
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
    return this.waiting.answer(within, (id) => {
      link.send({ event: 'tdc.question', id, request })
    })
  }
}
