import type { Clock } from '../clock'

/** Answers that are waited for, by number. One that comes too late, or twice, is nobody's. */
export class Waiting<T> {
  private readonly takers = new Map<number, (value: T | undefined) => void>()
  private last = 0

  constructor(private readonly clock: Clock) {}

  /** `ask` is given the number that the answer will bear; undefined after `within` milliseconds. */
  answer(within: number, ask: (id: number) => void): Promise<T | undefined> {
    const id = ++this.last
    return new Promise((resolve) => {
      const deadline = this.clock.after(within, () => this.come(id, undefined))
      this.takers.set(id, (value) => {
        deadline.cancel()
        resolve(value)
      })
      ask(id)
    })
  }

  come(id: number, value: T | undefined): void {
    const take = this.takers.get(id)
    this.takers.delete(id)
    take?.(value)
  }
}
