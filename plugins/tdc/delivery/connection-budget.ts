import type { Clock } from '../clock'

/** Milliseconds that all wait when the system had no descriptor left. */
const EXHAUSTED_FOR = 1_000

/** A pool's part in the connections of a process. */
export interface Seats {
  /** One connection more; false: there is no room, and `wake` is called when there is. */
  take(): boolean
  give(): void
  /** It wants none more. */
  content(): void
  /** Others wait that have less than their share, and there is no room. */
  readonly isWanted: boolean
  /** Then, what it has beyond its own. */
  readonly surplus: number
  /** When connections may be opened again, on the monotonic clock. */
  readonly opensAt: number
  /** The system had no descriptor for a connection: all wait. */
  exhausted(): void
}

/** For a pool that is alone. */
export const UNLIMITED: Seats = {
  take: () => true,
  give: () => {},
  content: () => {},
  isWanted: false,
  surplus: 0,
  opensAt: 0,
  exhausted: () => {},
}

class Member implements Seats {
  held = 0

  constructor(
    private readonly budget: ConnectionBudget,
    readonly wake: () => void,
  ) {}

  take(): boolean {
    return this.budget.take(this)
  }

  give(): void {
    this.held -= 1
    this.budget.given(this)
  }

  content(): void {
    this.budget.content(this)
  }

  get isWanted(): boolean {
    return this.budget.isWantedFrom(this)
  }

  get surplus(): number {
    return this.budget.surplusOf(this)
  }

  get opensAt(): number {
    return this.budget.opensAt
  }

  exhausted(): void {
    this.budget.exhausted()
  }
}

/**
 * The connections that all pools of a process may have together, whatever the number of intakes: each
 * is a descriptor, and regular mail needs those too. Those that wait get theirs in turn, and while some
 * wait, nobody has more than its share, which is one at the least.
 */
export class ConnectionBudget {
  private taken = 0
  /** Pools that have connections, or wait for some. */
  private readonly active = new Set<Member>()
  /** In the order in which they began to wait. */
  private readonly waiting = new Set<Member>()
  private wakes = false
  private exhaustedUntil = 0

  /** `most` is read anew each time, so that a reload takes effect. */
  constructor(
    private readonly clock: Clock,
    private readonly most: () => number,
    private readonly onExhausted: () => void = () => {},
  ) {}

  get opensAt(): number {
    return this.exhaustedUntil
  }

  join(wake: () => void): Seats {
    return new Member(this, wake)
  }

  take(member: Member): boolean {
    this.active.add(member)
    const isNew = !this.waiting.has(member)
    this.waiting.add(member)
    const isSated = member.held >= this.share && this.someHaveLess(member)
    if (isSated) this.waiting.delete(member)
    const isGiven = !isSated && this.first(this.room).includes(member)
    if (isGiven) {
      this.waiting.delete(member)
      this.taken += 1
      member.held += 1
    } else {
      this.waiting.add(member)
      if (isNew || this.room > 0) this.wakeSoon()
    }
    return isGiven
  }

  given(member: Member): void {
    this.taken -= 1
    this.forget(member)
    if (this.waiting.size > 0) this.wakeSoon()
  }

  content(member: Member): void {
    if (!this.waiting.delete(member)) return
    this.forget(member)
    if (this.waiting.size > 0) this.wakeSoon()
  }

  isWantedFrom(member: Member): boolean {
    return this.room <= 0 && this.someHaveLess(member)
  }

  surplusOf(member: Member): number {
    return this.isWantedFrom(member) ? Math.max(0, member.held - this.share) : 0
  }

  exhausted(): void {
    this.exhaustedUntil = this.clock.monotonic() + EXHAUSTED_FOR
    this.onExhausted()
  }

  private get room(): number {
    return this.most() - this.taken
  }

  private get share(): number {
    return Math.max(1, Math.floor(this.most() / Math.max(1, this.active.size)))
  }

  /** Others wait that have less than their share. */
  private someHaveLess(member: Member): boolean {
    for (const other of this.waiting) if (other !== member && other.held < this.share) return true
    return false
  }

  private first(many: number): Member[] {
    const members: Member[] = []
    for (const member of this.waiting) if (members.length < many) members.push(member)
    return members
  }

  private forget(member: Member): void {
    if (member.held === 0 && !this.waiting.has(member)) this.active.delete(member)
  }

  /** Those that are next look again; without room, those do that may give some back. */
  private wakeSoon(): void {
    if (this.wakes) return
    this.wakes = true
    queueMicrotask(() => {
      this.wakes = false
      for (const member of this.room > 0 ? this.first(this.room) : [...this.active]) {
        if (this.room > 0 || member.held > 0) member.wake()
      }
    })
  }
}
