import type { Clock } from '../clock'
import type { Message } from './messages'
import { type AnswerHere, type Answers, type Processes, unanswered } from './processes'
import { type Request, SHAPES } from './request'
import { Waiting } from './waiting'

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
    const within = SHAPES[request.ask].within + MASTER_TIME
    const all = await this.waiting.answer(within, (id) => {
      this.send({ event: 'tdc.gather', id, request })
    })
    if (all) return all
    const silent = [{ worker: 0, pid: this.master }]
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
