import { integer, listOf, number, orNull, record, text } from '../base/shape'

/** One value that the machines share, over that of the file: `[section] key=value`. */
export interface SharedEntry {
  readonly section: string
  readonly key: string
  /** As it would stand in tdc.ini; '' is "not set", also where the file sets it. */
  readonly value: string
}

/** A value before and after a change; null: it is not shared, the file's holds. */
export interface Changed {
  readonly section: string
  readonly key: string
  readonly before: string | null
  readonly after: string | null
}

export interface Change {
  /** The revision that it made. */
  readonly number: number
  /** Milliseconds since 1970. */
  readonly at: number
  /** `user@machine`. */
  readonly author: string
  /** The change that it took back; null: none. */
  readonly reverts: number | null
  readonly values: readonly Changed[]
}

/**
 * The shared settings: one value that is replaced whole, with its history, so that any machine's
 * copy of it is all there is to know.
 */
export interface SharedDocument {
  /**
   * Made at the first change, the same ever after. So a machine that was away while the settings
   * were begun anew does not take its old ones for newer.
   */
  readonly lineage: string
  /** Counts the changes. 0: there were none. */
  readonly revision: number
  /** Made at each change: tells two revisions of the same number apart. */
  readonly id: string
  /** Sorted by section and key. */
  readonly entries: readonly SharedEntry[]
  /** The last CHANGES_KEPT, the oldest first. */
  readonly changes: readonly Change[]
}

export const NO_DOCUMENT: SharedDocument = {
  lineage: '',
  revision: 0,
  id: '',
  entries: [],
  changes: [],
}

export const CHANGES_KEPT = 200
/** Octets; every machine keeps it in memory and on disk. */
export const LONGEST_DOCUMENT = 512 * 1024
export const LONGEST_VALUE = 4_000
export const MOST_ENTRIES = 2_000

const FORMAT = 1
const LONGEST_NAME = 300
/** With it all of the head stays below HEAD_OCTETS. */
const LONGEST_ID = 32
const MOST_CHANGED = 100

/**
 * Octets at the beginning of the text that tell one document from another: format, lineage,
 * revision and id stand there.
 */
export const HEAD_OCTETS = 160

const changed = record<Changed>({
  section: text(LONGEST_NAME),
  key: text(LONGEST_NAME),
  before: orNull(text(LONGEST_VALUE)),
  after: orNull(text(LONGEST_VALUE)),
})

const change = record<Change>({
  number: integer,
  at: number,
  author: text(LONGEST_NAME),
  reverts: orNull(integer),
  values: listOf(changed, MOST_CHANGED),
})

const document = record<SharedDocument & { readonly format: number }>({
  format: number,
  lineage: text(LONGEST_ID),
  revision: integer,
  id: text(LONGEST_ID),
  entries: listOf(
    record<SharedEntry>({
      section: text(LONGEST_NAME),
      key: text(LONGEST_NAME),
      value: text(LONGEST_VALUE),
    }),
    MOST_ENTRIES,
  ),
  changes: listOf(change, CHANGES_KEPT),
})

/** With as much of the history as fits; undefined: the values alone are too long. */
export function documentText(doc: SharedDocument): string | undefined {
  for (let changes = doc.changes; ; changes = changes.slice(Math.ceil(changes.length / 10))) {
    const { lineage, revision, id, entries } = doc
    const written = JSON.stringify({ format: FORMAT, lineage, revision, id, entries, changes })
    if (Buffer.byteLength(written) <= LONGEST_DOCUMENT) return written
    if (changes.length === 0) return undefined
  }
}

type Parsed =
  | { readonly kind: 'document'; readonly document: SharedDocument }
  | { readonly kind: 'nonsense'; readonly why: string }

/** What somebody wrote under our name. Never throws. */
export function parseDocument(written: string): Parsed {
  if (Buffer.byteLength(written) > LONGEST_DOCUMENT) {
    return nonsense(`it has more than ${LONGEST_DOCUMENT} octets`)
  }
  let value: unknown
  try {
    value = JSON.parse(written)
  } catch {
    return nonsense('it is not JSON')
  }
  const format = (value as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format !== FORMAT) {
    return nonsense(`it has format ${format}, this version of the plugin knows ${FORMAT}`)
  }
  const wrong = document(value, 'it')
  if (wrong !== undefined) return nonsense(wrong)
  const { lineage, revision, id, entries, changes } = value as SharedDocument
  if (lineage === '' || revision < 1) return nonsense('its lineage or revision is missing')
  return { kind: 'document', document: { lineage, revision, id, entries, changes } }
}

function nonsense(why: string): Parsed {
  return { kind: 'nonsense', why }
}

/** What is in Redis, beside what this machine knows. */
type Found =
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
