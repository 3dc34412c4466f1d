import type { TdcEvent } from './events'
import type { Line } from './lines'
import { type ErrorNote, ERRORS_KEPT } from './status'

const ERRORS: ReadonlySet<TdcEvent['kind']> = new Set([
  'journal-failed',
  'damaged',
  'unremovable',
  'dns-error',
  'tls-failed',
  'certificate-ends',
  'sts-failed',
  'connection-error',
  'deferred',
  'hard-bounced',
  'expired',
  'problem',
] as const)

/** The last errors, by the first line that each wrote. */
export class LastErrors {
  private readonly notes: ErrorNote[] = []

  note({ kind }: TdcEvent, now: number, [first]: readonly Line[]): void {
    if (!ERRORS.has(kind) || !first) return
    this.notes.push({ at: now, kind, text: first.text })
    if (this.notes.length > ERRORS_KEPT) this.notes.shift()
  }

  value(): ErrorNote[] {
    return [...this.notes]
  }
}
