import { parseDocument, type SharedDocument } from './shared-document'

/** What is in Redis, beside what this machine knows. */
export type Found =
  /** The same, or neither has anything. */
  | { readonly kind: 'same' }
  | { readonly kind: 'newer'; readonly document: SharedDocument }
  /** It was emptied, or put back to an older state: what this machine knows goes before it. */
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'nonsense'; readonly why: string }

/**
 * The higher revision goes before the lower, so that machines agree whoever wrote last; a document
 * of another lineage in Redis was begun anew on purpose.
 */
export function compare(known: SharedDocument, written: string): Found {
  if (written === '') {
    return known.revision === 0 ? { kind: 'same' } : { kind: 'lost', why: 'Redis has none' }
  }
  const parsed = parseDocument(written)
  if (parsed.kind === 'nonsense') return parsed
  const { document } = parsed
  if (document.lineage !== known.lineage) return { kind: 'newer', document }
  if (document.revision > known.revision) return { kind: 'newer', document }
  if (document.revision === known.revision) {
    return document.id === known.id ? { kind: 'same' } : { kind: 'newer', document }
  }
  return { kind: 'lost', why: `Redis has the older revision ${document.revision}` }
}
