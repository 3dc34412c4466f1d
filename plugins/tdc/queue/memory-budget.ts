/** How many octets of waiting copies may stay in memory; the others are read from their files. */
export class MemoryBudget {
  private readonly most: number
  private taken = 0

  constructor(most: number) {
    this.most = most
  }

  has(bytes: number): boolean {
    return this.taken + bytes <= this.most
  }

  take(bytes: number): boolean {
    if (!this.has(bytes)) return false
    this.taken += bytes
    return true
  }

  /** Whether there is room or not. */
  takeAnyway(bytes: number): void {
    this.taken += bytes
  }

  give(bytes: number): void {
    this.taken -= bytes
  }
}
