/** How many octets of waiting copies may stay in memory; the others are read from their files. */
export class MemoryBudget {
  readonly #most: number
  #used = 0

  constructor(most: number) {
    this.#most = most
  }

  take(bytes: number): boolean {
    if (this.#used + bytes > this.#most) return false
    this.#used += bytes
    return true
  }

  give(bytes: number): void {
    this.#used -= bytes
  }

  get used(): number {
    return this.#used
  }
}
