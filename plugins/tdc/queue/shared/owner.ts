import { randomBytes } from 'node:crypto'
import type { RedisAddress } from '../../haraka/redis-ini'
import type { StoredCopy } from '../copy-store'

/** A copy in the shared queue, and whose it is there. */
export interface SharedCopy extends StoredCopy {
  readonly owner: Owner
  readonly id: number
  hadAttempts: boolean
}

const TOKEN_OCTETS = 8

/**
 * What this process is in the shared queue, until others take its copies over or Redis loses them: then it goes on
 * as another. No two ever have one name.
 */
export class Owner {
  readonly name: string
  /** `taken`: its copies are others' now; `gone`: Redis has lost them. */
  state: 'ours' | 'taken' | 'gone' = 'ours'
  /** Redis does not know it yet. */
  isNew = true
  readonly copies = new Map<number, SharedCopy>()
  /**
   * Ended, or perhaps added, and since when: Redis may not know, or may forget it in a failover. Others would send
   * them, were this process to report no more.
   */
  readonly ended = new Map<number, number>()
  private last = 0

  /** `prefix`: of its keys, as long as it is; `redis`: where its copies are, undefined: it never was anywhere. */
  constructor(
    machine: string,
    readonly prefix: string,
    public redis: RedisAddress | undefined,
  ) {
    const token = randomBytes(TOKEN_OCTETS).toString('hex')
    this.name = `${machine}.${process.pid}.${token}`
  }

  get isEmpty(): boolean {
    return this.copies.size + this.ended.size === 0
  }

  /** The next numbers of entries; the first of them. */
  numbers(count = 1): number {
    const first = this.last + 1
    this.last += count
    return first
  }

  /** Of what ended before that moment. */
  forgetEnded(before: number): void {
    for (const [id, at] of this.ended) {
      if (at > before) return
      this.ended.delete(id)
    }
  }

  copy(id: number, name: string, content: Buffer | undefined): SharedCopy {
    const copy: SharedCopy = { owner: this, id, name, hadAttempts: false }
    if (content) copy.content = content
    return copy
  }
}
