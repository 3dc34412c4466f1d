import { LIMITS, bounded, safeText } from '../base/text'
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

  /** `domain`: of the intake whose connection reports it; undefined: the event says, or nobody does. */
  note(
    event: TdcEvent,
    now: number,
    [first]: readonly WordedLine[],
    domain: string | undefined,
  ): void {
    if (!rowOf(event).isError || !first) return
    const text = bounded(first.text, LIMITS.sentence)
    const about = domain ?? domainOf(event) ?? null
    const note = { at: now, kind: event.kind, text, domain: about && safeText(about) }
    this.notes = newestOf([...this.notes, note])
  }

  value(): ErrorNote[] {
    return [...this.notes]
  }
}

function domainOf(event: TdcEvent): string | undefined {
  if ('domain' in event) return event.domain
  return 'intake' in event ? event.intake.slice(event.intake.lastIndexOf('@') + 1) : undefined
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
