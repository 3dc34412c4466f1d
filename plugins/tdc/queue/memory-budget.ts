/** Octets of waiting copies in one process, so that they are not read again. */
export const HELD_COPIES = 4 * 1024 * 1024

/** The same where several machines share a store: it may lose what it has. */
export const SHARED_IN_MEMORY = 64 * 1024 * 1024

/** How many octets of waiting copies may stay in memory; the others are read from their files. */
export class MemoryBudget {
  private readonly most: number
  private taken = 0

  constructor(most: number) {
    this.most = most
  }

  /** Those with less to fall back on may take more. */
  has(bytes: number, most = this.most): boolean {
    return this.taken + bytes <= most
  }

  take(bytes: number, most?: number): boolean {
    if (!this.has(bytes, most)) return false
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
