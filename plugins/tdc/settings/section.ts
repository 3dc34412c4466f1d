import { isSafe } from '../base/text'
import { FIXED, NAMED, type NamedKind, SECTIONS } from './keys'
import type { Key, Keys, Kind } from './kinds'
import { nearest, type KeyPlace, type Problems, shown } from './problems'
import type { RawSection, SettingsSource } from './source'

/** What a section says, each value of its key's type: of `max_age` the name is `maxAge`. */
export type SectionValues<K extends Keys> = {
  readonly [N in keyof K as InCode<N & string>]: K[N] extends Key<infer T> ? T : never
}

type InCode<N extends string> = N extends `${infer A}_${infer B}`
  ? `${A}${Capitalize<InCode<B>>}`
  : N

function inCode(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** Reads one section by its keys. A wrong value is a problem, and the default stands in for it. */
export function readSection<K extends Keys>(
  section: string,
  raw: RawSection,
  keys: K,
  problems: Problems,
): SectionValues<K> {
  for (const name of Object.keys(raw)) {
    if (!Object.hasOwn(keys, name)) {
      problems.refuse(placeOf(section, name, raw[name]), unknownKey(name, keys))
    }
  }
  const values = Object.entries(keys).map(([name, key]) => [
    inCode(name),
    Object.hasOwn(raw, name) ? readKey(section, name, raw[name], key, problems) : key.fallback,
  ])
  return Object.fromEntries(values) as SectionValues<K>
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
function placeOf(section: string, key: string, value: unknown): KeyPlace {
  return isSecret(key) ? { section, key } : { section, key, value }
}

export function isSecret(key: string): boolean {
  return Object.values(SECTIONS).some(
    (keys) => Object.hasOwn(keys, key) && keys[key]?.kind.secret === true,
  )
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

/** Longest name of a policy or group: it is repeated in log lines. */
const NAME_MAX = 64

export interface NamedSection {
  /** The whole heading, `policy.vip`. */
  readonly section: string
  /** What follows the dot, `vip`. */
  readonly name: string
  readonly raw: RawSection
}

/** The sections of a tdc.ini by what they are; the named ones in the order of the file. */
export interface Sections {
  fixed(name: keyof typeof FIXED | 'formats'): RawSection
  named(kind: NamedKind): readonly NamedSection[]
}

/** Sorts the sections; unknown ones and doubles are problems. */
export function sortSections(
  source: Pick<SettingsSource, 'ini' | 'headings'>,
  problems: Problems,
): Sections {
  const written = source.headings.map((heading) => heading.trim())
  const all = [...written, ...Object.keys(source.ini).filter((name) => !written.includes(name))]
  const rawOf = (name: string) => (Object.hasOwn(source.ini, name) ? (source.ini[name] ?? {}) : {})
  const named: Record<NamedKind, NamedSection[]> = { group: [], machine: [], policy: [] }

  refuseDoubles(all, problems)
  for (const section of new Set(all)) {
    if (section === 'formats' || Object.hasOwn(FIXED, section)) continue
    const { kind, name } = partsOf(section)
    if (kind === undefined) problems.refuse({ section }, unknownSection(section))
    else if (!isName(name))
      problems.refuse({ section }, `must have a name of 1 to ${NAME_MAX} characters`)
    else named[kind].push({ section, name, raw: rawOf(section) })
  }
  return { fixed: rawOf, named: (kind) => named[kind] }
}

function refuseDoubles(all: readonly string[], problems: Problems): void {
  const times = new Map<string, number>()
  for (const name of all) {
    const same = name.toLowerCase().replace(/ *\. */, '.')
    times.set(same, (times.get(same) ?? 0) + 1)
  }
  for (const [section, count] of times) {
    if (count > 1) problems.refuse({ section }, `stands ${count} times; it must stand once`)
  }
}

function partsOf(section: string): { kind: NamedKind | undefined; name: string } {
  const dot = section.indexOf('.')
  const prefix = dot < 0 ? '' : section.slice(0, dot)
  return {
    kind: Object.hasOwn(NAMED, prefix) ? (prefix as NamedKind) : undefined,
    name: section.slice(dot + 1).trim(),
  }
}

function isName(name: string): boolean {
  return name.length >= 1 && name.length <= NAME_MAX && isSafe(name)
}

function unknownSection(section: string): string {
  const prefixes = Object.keys(NAMED)
  const dot = section.indexOf('.')
  const meant =
    dot < 0
      ? nearest(section, [...Object.keys(FIXED), 'formats'])
      : nearest(section.slice(0, dot), prefixes)
  if (meant === undefined) return 'there is no such section'
  return `there is no such section; [${meant}${dot < 0 ? '' : shown(section.slice(dot))}] was meant?`
}
