import { SECTIONS } from './keys'
import type { Key, Keys } from './keys'
import type { Kind } from './kinds'
import { nearest } from './nearest'
import type { Place, Problems } from './problems'
import type { RawSection } from './source'

/** The values of a section, each of its key's type. */
export type Values<K extends Keys> = {
  readonly [N in keyof K]: K[N] extends Key<infer T> ? T : never
}

/** Reads one section by its keys. A wrong value is a problem, and the default stands in for it. */
export function readSection<K extends Keys>(
  section: string,
  raw: RawSection,
  keys: K,
  problems: Problems,
): Values<K> {
  for (const name of Object.keys(raw)) {
    if (!Object.hasOwn(keys, name)) {
      problems.refuse(placeOf(section, name, raw[name]), unknownKey(name, keys))
    }
  }
  const values: Record<string, unknown> = {}
  for (const [name, key] of Object.entries(keys)) {
    values[name] = Object.hasOwn(raw, name)
      ? readKey(section, name, raw[name], key, problems)
      : key.fallback
  }
  return values as Values<K>
}

function readKey<T>(
  section: string,
  name: string,
  raw: unknown,
  key: Key<T>,
  problems: Problems,
): T {
  const given = readValue(raw, key.kind)
  switch (given.kind) {
    case 'empty':
      return key.fallback
    case 'value':
      return given.value
    case 'wrong':
      problems.refuse(placeOf(section, name, raw), given.must)
      return key.fallback
  }
}

/** A secret is not repeated, also when it stands in the wrong section. */
function placeOf(section: string, key: string, value: unknown): Place {
  const secret = Object.values(SECTIONS).some(
    (keys) => Object.hasOwn(keys, key) && keys[key]?.kind.secret,
  )
  return secret ? { section, key } : { section, key, value }
}

export type Given<T> =
  | { readonly kind: 'value'; readonly value: T }
  /** `key=`: set, but to nothing, which means the default. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'wrong'; readonly must: string }

/** One raw value of the ini parser, read as a kind. */
export function readValue<T>(raw: unknown, kind: Kind<T>): Given<T> {
  if (raw === undefined) return { kind: 'wrong', must: `has no "=" and no value; it ${kind.must}` }
  if (Array.isArray(raw) && kind.takes === 'one') {
    return { kind: 'wrong', must: `must be one value, not a list (key[]=); it ${kind.must}` }
  }
  const items = itemsOf(raw, kind.takes)
  if (items === undefined) return { kind: 'wrong', must: kind.must }
  if (items.length === 0) return { kind: 'empty' }
  const read = kind.read(items)
  return read === undefined
    ? { kind: 'wrong', must: kind.must }
    : { kind: 'value', value: read.value }
}

function itemsOf(raw: unknown, takes: 'one' | 'many'): readonly string[] | undefined {
  const texts = Array.isArray(raw) ? raw.map(textOf) : [textOf(raw)]
  if (!texts.every((text) => text !== undefined)) return undefined
  const split = takes === 'many' && !Array.isArray(raw) ? texts.flatMap((t) => t.split(',')) : texts
  return split.map((text) => text.trim()).filter((text) => text !== '')
}

function textOf(raw: unknown): string | undefined {
  if (typeof raw === 'string') return raw
  return typeof raw === 'number' || typeof raw === 'boolean' ? String(raw) : undefined
}

function unknownKey(name: string, keys: Keys): string {
  const home = Object.entries(SECTIONS).find(([, known]) => Object.hasOwn(known, name))
  if (home) return `there is no such key here; it belongs to [${home[0]}]`
  const meant = nearest(name, Object.keys(keys))
  return `there is no such key here${meant === undefined ? '' : `; ${meant} was meant?`}`
}
