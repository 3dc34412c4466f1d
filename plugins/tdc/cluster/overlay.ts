import { DEFAULT_POLICY, FIXED, NAMED } from '../settings/keys'
import type { Keys } from '../settings/kinds'
import { yesNo } from '../settings/kinds'
import { MachineNames } from '../settings/machine-names'
import { DEFAULT } from '../settings/policies'
import { readValue } from '../settings/section'
import type { RawSection, SettingsSource } from '../settings/source'
import type { SharedEntry } from './shared-document'

/** Keys that hold for all machines alike: files, say, are each machine's own. */
const SHARED: { readonly [level: string]: Keys } = {
  main: pick(FIXED.main, 'enabled', 'intake_address', 'machine_disable_spreads', 'policy_order'),
  group: NAMED.group,
  machine: NAMED.machine,
  policy: pick(
    NAMED.policy,
    'senders',
    'sender_list',
    'recipients',
    'recipient_list',
    'intake',
    'intake_address',
  ),
}

/** The keys of a section that can be shared; none when it is not a section of that kind. */
export function sharedKeys(section: string): Keys {
  const { kind, name } = partsOf(section)
  if (kind === 'policy' && name.toUpperCase() === DEFAULT) return DEFAULT_POLICY
  if ((kind === 'main') !== (name === '')) return {}
  return Object.hasOwn(SHARED, kind) ? (SHARED[kind] ?? {}) : {}
}

/** The first value that a command line could not have shared; undefined: there is none. */
export function foreignValue(
  entries: readonly { readonly section: string; readonly key: string }[],
): string | undefined {
  const found = entries.find(({ section, key }) => !Object.hasOwn(sharedKeys(section), key))
  return found && `[${found.section}] ${found.key} cannot be shared`
}

/** How a level or a policy is written on the command line, as a section; or what is wrong. */
export function sectionOf(
  level: string,
  policy: string,
): { readonly section: string } | { readonly wrong: string } {
  const at = level.indexOf('=')
  const [kind, name] = at < 0 ? [level, ''] : [level.slice(0, at), level.slice(at + 1).trim()]
  if (kind === 'cluster' && at < 0) {
    return { section: policy === '' ? 'main' : `policy.${policy}` }
  }
  if ((kind !== 'group' && kind !== 'machine') || name === '') {
    return {
      wrong: `the level must be cluster, group=NAME or machine=HOST, not ${JSON.stringify(level)}`,
    }
  }
  if (policy !== '')
    return { wrong: 'policies are the same for all machines: their level is cluster' }
  return { section: `${kind}.${name}` }
}

/** The reverse, for people: `machine=mx2`, `policy vip`, `cluster`. */
export function levelOf(section: string): string {
  const { kind, name } = partsOf(section)
  if (kind === 'main') return 'cluster'
  return kind === 'policy' ? `policy ${name}` : `${kind}=${name}`
}

/**
 * Finds the section that is meant, however it is written: names are the same in upper and lower
 * case, and a machine may be written short or in full. `shared` are sections that are shared already.
 */
export function sectionFinder(
  { ini, headings }: Pick<SettingsSource, 'ini' | 'headings'>,
  shared: readonly string[],
): (section: string) => string {
  const written = [...new Set([...headings, ...Object.keys(ini), ...shared])]
  const names = new MachineNames([
    ...written.flatMap((section) => machineOf(section) ?? []),
    ...Object.values(ini).flatMap(({ machines }) => membersOf(machines)),
  ])
  const same = (section: string): string => {
    const machine = machineOf(section)
    return machine === undefined ? normal(section) : `machine.${names.canonical(machine)}`
  }
  const known = new Map([...written].reverse().map((section) => [same(section), section]))
  return (section) => known.get(same(section)) ?? section
}

function partsOf(section: string): { readonly kind: string; readonly name: string } {
  const dot = section.indexOf('.')
  if (dot < 0) return { kind: section, name: '' }
  return { kind: section.slice(0, dot), name: section.slice(dot + 1).trim() }
}

/** As the reader of the settings sees it (settings/sections.ts). */
function normal(section: string): string {
  return section
    .trim()
    .toLowerCase()
    .replace(/ *\. */, '.')
}

/** Of `[machine.NAME]`; undefined: it is another section. */
export function machineOf(section: string): string | undefined {
  const { kind, name } = partsOf(section.trim())
  return kind.trim() === 'machine' && name !== '' ? name : undefined
}

function membersOf(machines: unknown): string[] {
  const written = Array.isArray(machines) ? machines : String(machines ?? '').split(',')
  return written.map((name) => String(name).trim()).filter((name) => name !== '')
}

function pick(keys: Keys, ...names: readonly string[]): Keys {
  return Object.fromEntries(Object.entries(keys).filter(([name]) => names.includes(name)))
}

/** The file itself says whether there is anything above it. */
export function sharesSettings({ ini }: Pick<SettingsSource, 'ini'>): boolean {
  const given = readValue(ini['cluster']?.['redis'] ?? '', yesNo)
  return given.kind === 'value' && given.value
}

/** A server's own files, and above them what machines share, where they do. */
export function layered(own: SettingsSource, entries: readonly SharedEntry[]): SettingsSource {
  return sharesSettings(own) ? overlay(own, entries) : own
}

/**
 * The file with the shared values over its own: what comes of it is read as one file, by the same
 * rules. Policies that the file does not have stand above its own, in the order of their names,
 * unless policy_order says otherwise.
 */
export function overlay(source: SettingsSource, entries: readonly SharedEntry[]): SettingsSource {
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
