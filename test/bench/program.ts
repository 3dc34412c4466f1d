import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { TYPESCRIPT } from '../support/run'

/** What goes between a case and a program of its, in both directions. */
interface Envelope {
  readonly number: number
  readonly body: unknown
  readonly failed?: string
}

/** A TypeScript file that runs in a process of its own and answers what it is asked. */
export class Program {
  private readonly child: ChildProcess
  private readonly ended: Promise<unknown>
  private readonly waiting = new Map<number, (answer: Envelope) => void>()
  private asked = 0

  constructor(path: string) {
    this.child = fork(path, { execArgv: ['-r', TYPESCRIPT] })
    this.ended = once(this.child, 'close').then(() => {
      for (const number of this.waiting.keys()) {
        this.take({ number, body: undefined, failed: `${path} has ended` })
      }
    })
    this.child.on('message', (answer: Envelope) => this.take(answer))
  }

  ask<Answer>(body: unknown): Promise<Answer> {
    const number = ++this.asked
    return new Promise((resolve, reject) => {
      this.waiting.set(number, ({ body, failed }) => {
        if (failed === undefined) resolve(body as Answer)
        else reject(new Error(failed))
      })
      if (this.child.connected) this.child.send({ number, body })
      else this.take({ number, body: undefined, failed: 'the program has ended' })
    })
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  async end(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }

  private take(answer: Envelope): void {
    this.waiting.get(answer.number)?.(answer)
    this.waiting.delete(answer.number)
  }
}

/** The other side, in the program: it lives as long as the process that asks. */
export function answer<Question>(reply: (question: Question) => Promise<unknown>): void {
  process.on('disconnect', () => process.exit())
  process.on('message', ({ number, body }: Envelope) => {
    reply(body as Question).then(
      (body) => process.send?.({ number, body }),
      (error: Error) => process.send?.({ number, failed: error.message }),
    )
  })
}
