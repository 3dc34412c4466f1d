import type { CopyRecord } from '../copy-store'
import type { SharedCopy } from './owner'

/** A copy that is to be added, and who waits for that. */
export interface Addition {
  readonly record: CopyRecord
  readonly resolve: (copy: SharedCopy) => void
  readonly reject: (why: unknown) => void
}

/** Copies on their way into the shared queue: each by itself, or all that wait together. */
export class Additions {
  private waiting: Addition[] = []
  private isAdding = false

  /** `add`: settles each of them, and never rejects. */
  constructor(
    private readonly add: (batch: readonly Addition[]) => Promise<void>,
    private readonly isTogether: () => boolean,
    private readonly onMistake: (error: unknown) => void,
  ) {}

  append(record: CopyRecord): Promise<SharedCopy> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ record, resolve, reject })
      this.addAll().catch(this.onMistake)
    })
  }

  private async addAll(): Promise<void> {
    if (this.isAdding) return
    this.isAdding = true
    while (this.waiting.length > 0) {
      const added = this.add(this.waiting.splice(0))
      if (this.isTogether()) await added
      else added.catch(this.onMistake)
    }
    this.isAdding = false
  }
}
