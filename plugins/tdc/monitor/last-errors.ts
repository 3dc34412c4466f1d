import { LIMITS, bounded } from '../base/text'
import type { TdcEvent } from './events'
import { type WordedLine, rowOf } from './lines'
import type { ErrorNote } from './status'

/** Of each process. */
const ERRORS_KEPT = 20

/** Of one kind: a thousand copies that are put off must not push out the line that says why. */
const OF_ONE_KIND = 5

/** The last errors, by the first line that each wrote. */
export class LastErrors {
  private notes: ErrorNote[] = []

  note(event: TdcEvent, now: number, [first]: readonly WordedLine[]): void {
    if (!rowOf(event).isError || !first) return
    const text = bounded(first.text, LIMITS.sentence)
    this.notes = newestOf([...this.notes, { at: now, kind: event.kind, text }])
  }

  value(): ErrorNote[] {
    return [...this.notes]
  }
}

/** Of notes in the order of time those that are kept. */
export function newestOf(notes: readonly ErrorNote[]): ErrorNote[] {
  const counts = new Map<string, number>()
  const kept = notes.toReversed().filter(({ kind }) => {
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    return count <= OF_ONE_KIND
  })
  return kept.slice(0, ERRORS_KEPT).reverse()
}
