import { SECTIONS } from './keys'
import { shown } from './problems'
import { isSecret } from './section'
import type { Settings } from './settings'
import type { SourceFiles } from './source'

/** Parts of what is compared, by name: a value, entries, or what is not for the log. */
export type Aspects = ReadonlyMap<string, Aspect>

type Aspect = string | ReadonlySet<string> | { readonly untold: string }

/** Parts of one sentence: a file of policies may be another altogether. */
const PARTS_SHOWN = 10

/** Who gets copies now and did not, or the other way round; undefined: nothing of the kind changed. */
export function changedCopies(before: Settings, now: Settings): string | undefined {
  return difference(copiesOf(before), copiesOf(now))
}

/** Which values of the files are others, but for those that `changedCopies` tells of. */
export function changedSettings(before: SourceFiles, now: SourceFiles): string | undefined {
  return difference(valuesOf(before, now), valuesOf(now, before))
}

function difference(old: Aspects, fresh: Aspects): string | undefined {
  const parts = [...new Set([...fresh.keys(), ...old.keys()])].flatMap(
    (name) => partOf(name, old.get(name), fresh.get(name)) ?? [],
  )
  if (parts.length === 0) return undefined
  const more = parts.length - PARTS_SHOWN
  return parts.slice(0, PARTS_SHOWN).join('; ') + (more > 0 ? `; and ${more} more` : '')
}

function copiesOf({ effective, incoming, policies, unless }: Settings): Aspects {
  return new Map([
    ['copies', effective.enabled ? 'on' : `off (${effective.level})`],
    ['the default intake', effective.intake?.address ?? 'none'],
    ['the domains that are relayed for', new Set(incoming.outgoing)],
    ['[clean] unless', new Set(unless.map(({ text }) => text))],
    ...policies.aspects,
  ])
}

/** Keys of [main] and [clean] that are told as what they do to copies. */
const TOLD = new Set(
  ['enabled', 'intake_address', 'policy_order', 'recipient_delimiter', 'relayed_domains'].map(
    (key) => `[main] ${key}`,
  ),
).add('[clean] unless')

/** Each value that stands in tdc.ini here or in `other`, its default where it does not. */
function valuesOf({ ini, texts }: SourceFiles, other: SourceFiles): Aspects {
  const values = new Map<string, Aspect>()
  for (const section of new Set([...Object.keys(ini), ...Object.keys(other.ini)])) {
    if (section.startsWith('policy.')) continue
    const [own = {}, theirs = {}] = [ini[section], other.ini[section]]
    for (const key of new Set([...Object.keys(own), ...Object.keys(theirs)])) {
      const name = `[${shown(section)}] ${shown(key)}`
      if (!TOLD.has(name)) {
        values.set(name, aspectOf(key, own[key] ?? SECTIONS[section]?.[key]?.text ?? ''))
      }
    }
  }
  for (const [path, file] of Object.entries(texts)) {
    const untold = file.kind === 'text' ? file.text : file.why
    if (Object.hasOwn(other.texts, path)) values.set(`the file ${shown(path)}`, { untold })
  }
  return values
}

function aspectOf(key: string, value: unknown): Aspect {
  if (isSecret(key)) return { untold: String(value) }
  if (Array.isArray(value)) return new Set(value.map(String))
  return String(value) || 'not set'
}

function partOf(name: string, before?: Aspect, now?: Aspect): string | undefined {
  if (now === undefined) return `${name} is gone`
  if (typeof now === 'string') {
    if (before === undefined) return `${name} is new: ${shown(now)}`
    if (before === now) return undefined
    return `${name}: ${shown(now)}${typeof before === 'string' ? `, was ${shown(before)}` : ''}`
  }
  if ('untold' in now) {
    const isSame = typeof before === 'object' && 'untold' in before && before.untold === now.untold
    return isSame ? undefined : `${name} is another`
  }
  const old = before instanceof Set ? (before as ReadonlySet<string>) : new Set<string>()
  const [more, fewer] = [missingIn(old, now), missingIn(now, old)]
  return more + fewer === 0 ? undefined : `${name}: ${more} more, ${fewer} fewer`
}

function missingIn(set: ReadonlySet<string>, entries: ReadonlySet<string>): number {
  return [...entries].filter((entry) => !set.has(entry)).length
}
