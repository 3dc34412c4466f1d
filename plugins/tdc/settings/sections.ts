import { isSafe } from '../base/text'
import { FIXED, NAMED } from './keys'
import type { NamedKind } from './keys'
import { nearest } from './nearest'
import { type Problems, shown } from './problems'
import type { RawSection, SettingsSource } from './source'

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
