/** How many octets of waiting copies may stay in memory; the others are read from their files. */
export class MemoryBudget {
  private readonly most: number
  private taken = 0

  constructor(most: number) {
    this.most = most
  }

  take(bytes: number): boolean {
    if (this.taken + bytes > this.most) return false
    this.taken += bytes
    return true
  }

  give(bytes: number): void {
    this.taken -= bytes
  }
}
