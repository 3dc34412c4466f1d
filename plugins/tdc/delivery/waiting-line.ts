/** A place in the line, kept by whoever may want to leave it early. */
export interface Place<T> {
  readonly value: T
  before: Place<T> | undefined
  behind: Place<T> | undefined
}

/**
 * First in, first out, with joining near the front and leaving from anywhere, in constant time
 * whatever the length. (An array moves all elements for each that leaves it in front.)
 */
export class WaitingLine<T> {
  private head: Place<T> | undefined
  private tail: Place<T> | undefined
  private length = 0

  get size(): number {
    return this.length
  }

  get first(): T | undefined {
    return this.head?.value
  }

  get front(): Place<T> | undefined {
    return this.head
  }

  joinAtEnd(value: T): Place<T> {
    const place: Place<T> = { value, before: this.tail, behind: undefined }
    if (this.tail) this.tail.behind = place
    else this.head = place
    this.tail = place
    this.length += 1
    return place
  }

  /** Before the first one that `isBehind`, looked for from the front. */
  joinBefore(value: T, isBehind: (other: T) => boolean): Place<T> {
    let behind = this.head
    while (behind && !isBehind(behind.value)) behind = behind.behind
    if (!behind) return this.joinAtEnd(value)
    const place: Place<T> = { value, before: behind.before, behind }
    if (behind.before) behind.before.behind = place
    else this.head = place
    behind.before = place
    this.length += 1
    return place
  }

  /** For a place of this line that was not left yet. */
  leave(place: Place<T>): void {
    if (place.before) place.before.behind = place.behind
    else this.head = place.behind
    if (place.behind) place.behind.before = place.before
    else this.tail = place.before
    this.length -= 1
  }

  /** From the front; the value just given may leave meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    let place = this.head
    while (place) {
      const { value, behind } = place
      yield value
      place = behind
    }
  }
}
