/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export class Dice {
  constructor(private state: number) {}

  /** `TDC_SEED` repeats a run; the seed is printed so that it can. */
  static thrown(what: string): Dice {
    const seed = Number(process.env['TDC_SEED'] ?? Date.now() % 2 ** 31)
    process.stdout.write(`      ${what}: TDC_SEED=${seed}\n`)
    return new Dice(seed)
  }

  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make)
  }

  /** Up to `most` octets of any value. */
  octets(most: number): Buffer {
    return Buffer.from(this.list(most, () => this.below(256)))
  }
}
