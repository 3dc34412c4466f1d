import type { Settings } from './settings'

/** What decides who gets copies, by name: a value, or entries. */
export type Aspects = ReadonlyMap<string, string | ReadonlySet<string>>

/** Parts of one sentence: a file of policies may be another altogether. */
const PARTS_SHOWN = 10

/** Who gets copies now and did not, or the other way round; undefined: nothing of the kind changed. */
export function changedCopies(before: Settings, now: Settings): string | undefined {
  const [old, fresh] = [aspectsOf(before), aspectsOf(now)]
  const parts = [...new Set([...fresh.keys(), ...old.keys()])].flatMap(
    (name) => partOf(name, old.get(name), fresh.get(name)) ?? [],
  )
  if (parts.length === 0) return undefined
  const more = parts.length - PARTS_SHOWN
  return parts.slice(0, PARTS_SHOWN).join('; ') + (more > 0 ? `; and ${more} more` : '')
}

function aspectsOf({ effective, incoming, policies, unless }: Settings): Aspects {
  return new Map([
    ['copies', effective.enabled ? 'on' : `off (${effective.level})`],
    ['the default intake', effective.intake?.address ?? 'none'],
    ['the domains that are relayed for', new Set(incoming.outgoing)],
    ['[clean] unless', new Set(unless.map(({ text }) => text))],
    ...policies.aspects,
  ])
}

type Aspect = string | ReadonlySet<string> | undefined

function partOf(name: string, before: Aspect, now: Aspect): string | undefined {
  if (now === undefined) return `${name} is gone`
  if (typeof now === 'string') {
    if (before === undefined) return `${name} is new: ${now}`
    return before === now ? undefined : `${name}: ${now}, was ${String(before)}`
  }
  const old = typeof before === 'object' ? before : new Set<string>()
  const [more, fewer] = [missingIn(old, now), missingIn(now, old)]
  return more + fewer === 0 ? undefined : `${name}: ${more} more, ${fewer} fewer`
}

function missingIn(set: ReadonlySet<string>, entries: ReadonlySet<string>): number {
  return [...entries].filter((entry) => !set.has(entry)).length
}
