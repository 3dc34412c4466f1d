import { type Answer, answerOf, valueOf } from '../base/answer'
import type { Sharing } from '../monitor/status'
import type { Processes } from './processes'
import { type AnswerTo, type AskedBy, type Request, type RequestName, rowFor } from './requests'

/** What the processes of one server know together, asked from any of them. */
export class Gathered {
  constructor(private readonly processes: Processes) {}

  /** One value for a request, whoever has to answer. */
  answer(request: Request): Promise<Answer> {
    return answerOf(async () => {
      const { answers, silent } = await this.processes.ask(request)
      const values = answers.flatMap((each) => (each.kind === 'ok' ? [each.value] : []))
      const refused = answers.find((each) => each.kind === 'no')?.why
      // What nobody knows is not nothing.
      if (values.length === 0 && refused !== undefined) throw new Error(refused)
      return rowFor(request).merge({ values, refused, silent }, request, () => this.sharing())
    })
  }

  /** Throws the sentence that says no. */
  async ask<N extends RequestName>(ask: N, asked: AskedBy<N>): Promise<AnswerTo<N>> {
    const answer = await this.answer({ ask, ...asked } as unknown as Request)
    return valueOf(answer as Answer<AnswerTo<N>>)
  }

  /** Null also when nothing is shared, or nobody can say. */
  private sharing(): Promise<Sharing | null> {
    return this.ask('shared-trouble', {}).catch(() => null)
  }
}
