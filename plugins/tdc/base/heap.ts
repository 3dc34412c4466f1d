/** What stands in a heap: the least `at` is taken first. */
export interface Placed {
  readonly at: number
  /** Its place in the heap; -1: in none. */
  place: number
}

/** A binary heap, out of which each can be taken wherever it stands. */
export class Heap<T extends Placed> {
  private readonly all: T[] = []

  get first(): T | undefined {
    return this.all[0]
  }

  add(one: T): void {
    one.place = this.all.length
    this.all.push(one)
    this.rise(one)
  }

  /** One that stands here. */
  take(one: T): void {
    const last = this.all.pop()
    if (last && last !== one) {
      last.place = one.place
      this.all[last.place] = last
      this.rise(last)
      this.sink(last)
    }
    one.place = -1
  }

  private rise(one: T): void {
    while (one.place > 0) {
      const above = this.all[(one.place - 1) >> 1]
      if (!above || above.at <= one.at) return
      this.swap(above, one)
    }
  }

  private sink(one: T): void {
    for (;;) {
      const left = this.all[2 * one.place + 1]
      const right = this.all[2 * one.place + 2]
      const below = right && left && right.at < left.at ? right : left
      if (!below || below.at >= one.at) return
      this.swap(one, below)
    }
  }

  private swap(one: T, other: T): void {
    const { place } = one
    one.place = other.place
    other.place = place
    this.all[one.place] = one
    this.all[other.place] = other
  }
}
