/** Lets a few pieces of work run at a time; the others wait in line. */
export class FewAtOnce {
  private readonly line: (() => void)[] = []
  private running = 0

  constructor(private readonly most: number) {}

  /** Runs `work` in its turn. When `signal` aborts while it waits, it never runs, and this rejects. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    if (this.running >= this.most) await this.turn(signal)
    else this.running++
    try {
      signal?.throwIfAborted()
      return await work()
    } finally {
      this.leave()
    }
  }

  private turn(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const called = () => {
        signal?.removeEventListener('abort', given)
        resolve()
      }
      const given = () => {
        this.line.splice(this.line.indexOf(called), 1)
        reject(signal?.reason as Error)
      }
      this.line.push(called)
      signal?.addEventListener('abort', given, { once: true })
    })
  }

  /** Whoever waits longest takes over the place. */
  private leave(): void {
    const next = this.line.shift()
    if (next) next()
    else this.running--
  }
}
