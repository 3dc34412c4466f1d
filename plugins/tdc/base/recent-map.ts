/**
 * A map of the last so many: one more, and what was put in first is forgotten. `most` is asked at
 * each new key, so that a setting may change; 0: nothing is kept.
 */
export class RecentMap<K, V> extends Map<K, V> {
  /** Stays where it is: a Map that is asked for its first key anew passes all that were deleted. */
  private firsts: IterableIterator<K> | undefined

  constructor(private readonly most: () => number) {
    super()
  }

  override set(key: K, value: V): this {
    if (!this.has(key)) {
      const most = this.most()
      while (this.size > 0 && this.size >= most) this.forgetFirst()
      if (most <= 0) return this
    }
    return super.set(key, value)
  }

  /** As if it were put in now. */
  renew(key: K, value: V): this {
    this.delete(key)
    return this.set(key, value)
  }

  private forgetFirst(): void {
    let first = this.firsts?.next()
    if (!first || first.done) {
      this.firsts = this.keys()
      first = this.firsts.next()
    }
    this.delete(first.value as K)
  }
}
