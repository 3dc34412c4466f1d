const MINUTE = 60_000

/** What is recent: this minute and the four before it. Longer than scripts wait between two looks. */
export const RECENT_MINUTES = 5

/** How often each thing happened lately; nothing older is kept. */
export class Recent<Name extends string> {
  private readonly minutes: { begin: number; counts: Record<Name, number> }[] = []

  constructor(private readonly names: readonly Name[]) {}

  /** `now` is the wall clock's; one that was set back counts for the newest minute. */
  count(name: Name, now: number): void {
    const begin = Math.floor(now / MINUTE) * MINUTE
    let newest = this.minutes.at(-1)
    if (!newest || newest.begin < begin) {
      newest = { begin, counts: this.zero() }
      this.minutes.push(newest)
      if (this.minutes.length > RECENT_MINUTES) this.minutes.shift()
    }
    newest.counts[name]++
  }

  value(now: number): Record<Name, number> {
    const sums = this.zero()
    for (const { begin, counts } of this.minutes) {
      if (now - begin >= RECENT_MINUTES * MINUTE) continue
      for (const name of this.names) sums[name] += counts[name]
    }
    return sums
  }

  private zero(): Record<Name, number> {
    return Object.fromEntries(this.names.map((name) => [name, 0])) as Record<Name, number>
  }
}
