import { within } from './within'

/** What arrived, in order, and a way to wait for more without polling. */
export class Ledger<T> {
  private readonly kept: T[] = []
  private readonly listeners = new Set<(entry: T) => void>()

  get entries(): readonly T[] {
    return this.kept
  }

  get size(): number {
    return this.kept.length
  }

  /** Forgets what arrived so far. */
  clear(): void {
    this.kept.length = 0
  }

  add(entry: T): void {
    this.kept.push(entry)
    for (const listener of [...this.listeners]) listener(entry)
  }

  /** Calls back for every further entry until the returned function is called. */
  listen(listener: (entry: T) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** The first entry, present or future, from number `from` on that `wanted` accepts. */
  async first(
    wanted: (entry: T) => boolean,
    milliseconds: number,
    what: string | (() => string),
    from = 0,
  ): Promise<T> {
    const present = this.kept.slice(from).find(wanted)
    if (present !== undefined) return present
    let stop = () => {}
    const future = new Promise<T>((resolve) => {
      stop = this.listen((entry) => {
        if (wanted(entry)) resolve(entry)
      })
    })
    return within(milliseconds, what, future).finally(() => stop())
  }

  /** Waits until the condition, which is looked at after each new entry, is true. */
  async until(
    condition: () => boolean,
    milliseconds: number,
    what: string | (() => string),
  ): Promise<void> {
    if (!condition()) await this.first(condition, milliseconds, what, this.size)
  }

  /** All entries, as soon as there are at least `count`. */
  async atLeast(count: number, milliseconds: number, what: string): Promise<readonly T[]> {
    await this.until(
      () => this.size >= count,
      milliseconds,
      () => `${count} ${what}, but ${this.size}`,
    )
    return this.kept
  }
}
