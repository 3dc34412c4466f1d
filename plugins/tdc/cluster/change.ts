import { nearest } from '../settings/problems'
import { sharedKeys } from './overlay'
import {
  type Change,
  type Changed,
  CHANGES_KEPT,
  type SharedEntry,
  LONGEST_VALUE,
  MOST_ENTRIES,
  type SharedDocument,
} from './shared-document'

/** What is asked for, without the section that it is for. */
export type WantedValue = Pick<Wanted, 'key' | 'value'>

/** `KEY=VALUE` of the command line, or what is wrong with it. */
export function parsePair(text: string): WantedValue | string {
  const at = text.indexOf('=')
  if (at < 1) return `${JSON.stringify(text)} is not KEY=VALUE`
  return { key: text.slice(0, at).trim(), value: text.slice(at + 1).trim() }
}

/** `KEY`: its value is no longer shared. */
export function parseKey(text: string): WantedValue {
  return { key: text.trim(), value: null }
}

/** What is asked for; null: the value is no longer shared. */
export interface Wanted {
  readonly section: string
  readonly key: string
  readonly value: string | null
}

export interface Signed {
  readonly at: number
  readonly author: string
  /** Of the document that comes of it. */
  readonly id: string
}

export type ChangeResult =
  | { readonly kind: 'changed'; readonly document: SharedDocument; readonly change: Change }
  | { readonly kind: 'no'; readonly why: string }

/** The document after a change; whether its values make settings is asked elsewhere. */
export function changed(
  before: SharedDocument,
  wanted: readonly Wanted[],
  { at, author, id }: Signed,
  reverts: number | null = null,
): ChangeResult {
  for (const each of wanted) {
    const wrong = wrongWith(each)
    if (wrong !== undefined) return { kind: 'no', why: wrong }
  }
  const values = wanted
    .map(({ section, key, value }): Changed => ({
      section,
      key,
      before: valueOf(before, section, key),
      after: value,
    }))
    .filter((each) => each.before !== each.after)
  if (values.length === 0) return { kind: 'no', why: 'nothing changes: that is shared already' }

  const isNew = (entry: SharedEntry) => values.some((each) => isSame(entry, each))
  const entries = [
    ...before.entries.filter((entry) => !isNew(entry)),
    ...values.flatMap(({ section, key, after }) =>
      after === null ? [] : [{ section, key, value: after }],
    ),
  ].sort(bySectionAndKey)
  if (entries.length > MOST_ENTRIES) {
    return { kind: 'no', why: `there would be more than ${MOST_ENTRIES} shared values` }
  }
  const change = { number: before.revision + 1, at, author, reverts, values }
  const changes = [...before.changes, change].slice(-CHANGES_KEPT)
  return {
    kind: 'changed',
    document: { lineage: before.lineage || id, revision: change.number, id, entries, changes },
    change,
  }
}

/** A new change that puts back what was before change `number`. */
export function reverted(before: SharedDocument, number: number, signed: Signed): ChangeResult {
  const change = before.changes.find((each) => each.number === number)
  if (!change) {
    const [oldest, newest] = [before.changes[0]?.number, before.changes.at(-1)?.number]
    const known = oldest === undefined ? 'there are none' : `known are ${oldest} to ${newest}`
    return { kind: 'no', why: `there is no change ${number}; ${known}` }
  }
  const wanted = change.values.map(({ section, key, before: value }) => ({ section, key, value }))
  return changed(before, wanted, signed, number)
}

function wrongWith({ section, key, value }: Wanted): string | undefined {
  const keys = sharedKeys(section)
  if (!Object.hasOwn(keys, key)) {
    const names = Object.keys(keys)
    const meant = nearest(key, names)
    const hint =
      meant === undefined ? `those of this level are ${names.join(', ')}` : `${meant} was meant?`
    return `${JSON.stringify(key)} cannot be shared; ${hint}`
  }
  if (value !== null && value.length > LONGEST_VALUE) {
    return `${key} has ${value.length} characters, a shared value can have ${LONGEST_VALUE}`
  }
  return undefined
}

function valueOf({ entries }: SharedDocument, section: string, key: string): string | null {
  return entries.find((entry) => isSame(entry, { section, key }))?.value ?? null
}

interface Name {
  readonly section: string
  readonly key: string
}

function isSame(a: Name, b: Name): boolean {
  return a.section === b.section && a.key === b.key
}

function bySectionAndKey(a: Name, b: Name): number {
  if (a.section !== b.section) return a.section < b.section ? -1 : 1
  return a.key < b.key ? -1 : 1
}
