import { yesNo } from '../settings/kinds'
import { readValue } from '../settings/section'
import type { RawSection, SettingsSource } from '../settings/source'
import { sectionFinder } from './sections'
import type { Entry } from './shared-document'

/** The file itself says whether there is anything above it. */
export function sharesSettings({ ini }: Pick<SettingsSource, 'ini'>): boolean {
  const given = readValue(ini['cluster']?.['redis'] ?? '', yesNo)
  return given.kind === 'value' && given.value
}

/** A server's own files, and above them what machines share, where they do. */
export function layered(own: SettingsSource, entries: readonly Entry[]): SettingsSource {
  return sharesSettings(own) ? overlay(own, entries) : own
}

/**
 * The file with the shared values over its own: what comes of it is read as one file, by the same
 * rules. Policies that the file does not have stand above its own, in the order of their names,
 * unless policy_order says otherwise.
 */
export function overlay(source: SettingsSource, entries: readonly Entry[]): SettingsSource {
  const find = sectionFinder(
    source,
    entries.map(({ section }) => section),
  )
  const ini = new Map<string, RawSection>(Object.entries(source.ini))
  const shared = new Set<string>()
  for (const { section, key, value } of entries) {
    const found = find(section)
    ini.set(found, { ...ini.get(found), [key]: value })
    shared.add(nameOf(found, key))
  }
  const written = new Set([...source.headings, ...Object.keys(source.ini)])
  const added = [...ini.keys()].filter((section) => !written.has(section))
  return {
    ...source,
    ini: Object.fromEntries(ini),
    headings: [...added, ...source.headings],
    isShared: (section, key) => shared.has(nameOf(section, key)),
  }
}

function nameOf(section: string, key: string): string {
  return `${section}\n${key}`
}
