import type { SilentWorker } from '../monitor/status'
import type { Answer } from './answer'
import type { Request } from './request'

/** What the processes of this server answered. */
export interface Answers {
  readonly answers: readonly Answer[]
  /** Who did not answer in time. */
  readonly silent: readonly SilentWorker[]
}

/** Answers a request by what this process knows. */
export type AnswerHere = (request: Request) => Answer | Promise<Answer>

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
