import type { CleanRule } from '../settings/clean-rules'

/** What other plugins found out about a message, by plugin, as they stored it; of those that are asked. */
export type Results = Readonly<Record<string, unknown>>

/** The first rule by which a message is not clean. */
export function uncleanBy(rules: readonly CleanRule[], results: Results): CleanRule | undefined {
  return rules.find(({ path, test }) => valuesAt(results, path).some((value) => holds(value, test)))
}

/** A plugin's name may have dots: every way of taking the path apart is one. */
function valuesAt(results: Results, path: readonly string[]): unknown[] {
  return path.slice(1).map((_, at) => {
    const plugin = own(results, nameIn(path, at))
    return path.slice(at + 1).reduce(own, plugin)
  })
}

export function own(of: unknown, key: string): unknown {
  if (typeof of !== 'object' || of === null || !Object.hasOwn(of, key)) return undefined
  return (of as Record<string, unknown>)[key]
}

function holds(value: unknown, test: CleanRule['test']): boolean {
  if (value === undefined || value === null) return false
  if (Array.isArray(value)) return value.some((each) => holds(each, test))
  if (!test) return saysYes(value)
  const isEqual = wordOf(value) === wordOf(test.value)
  const [number, limit] = [typeof value === 'boolean' ? NaN : Number(value), Number(test.value)]
  switch (test.operator) {
    case '=':
      return isEqual || number === limit
    case '!=':
      return !isEqual && number !== limit
    case '<':
      return number < limit
    case '<=':
      return number <= limit
    case '>':
      return number > limit
    case '>=':
      return number >= limit
  }
}

function saysYes(value: unknown): boolean {
  if (typeof value === 'object') return Object.keys(value ?? {}).length > 0
  return !['', 'no', '0', 'nan'].includes(wordOf(value))
}

/** Plugins keep a flag as a truth, or as a word. */
function wordOf(value: unknown): string {
  const word = String(value).trim().toLowerCase()
  if (word === 'true') return 'yes'
  return word === 'false' ? 'no' : word
}

/** What tells most of a scanner's results, beside `fail`. */
const TELLING: Readonly<Record<string, readonly string[]>> = {
  clamd: [],
  rspamd: ['action', 'score'],
  spamassassin: ['flag', 'score'],
  karma: ['score'],
  dcc: ['disposition'],
  messagesniffer: ['gbudb', 'result'],
  attachment: [],
  bounce: [],
  uribl: [],
  'data.signatures': [],
}

/** Characters of one verdict: the sender may choose the name of what was found. */
const VERDICT_SHOWN = 100

const SCANNERS = Object.keys(TELLING)

/** The plugins of which `uncleanBy` and `verdictsOf` want to know: scanners, and all that a rule may name. */
export function askedOf(rules: readonly CleanRule[]): readonly string[] {
  if (rules.length === 0) return SCANNERS
  return [...SCANNERS, ...rules.flatMap(({ path }) => path.map((_, at) => nameIn(path, at)))]
}

/** A plugin that the beginning of a path may name, up to that part. */
function nameIn(path: readonly string[], at: number): string {
  return path.slice(0, at + 1).join('.')
}

/** The verdicts of known scanners, and those that a rule names, one text each. */
export function verdictsOf(results: Results, rules: readonly CleanRule[]): string[] {
  const named = rules.map(({ path }) => path.slice(0, -1).join('.'))
  const scanners = rules.length === 0 ? SCANNERS : [...new Set([...SCANNERS, ...named])]
  return scanners.flatMap((plugin) => {
    if (own(results, plugin) === undefined) return []
    const said = ['fail', ...(TELLING[plugin] ?? [])].flatMap((key) => {
      const value = own(own(results, plugin), key)
      const text = Array.isArray(value) ? value.join(',') : plainText(value)
      return text === '' ? [] : [`${key}=${text}`]
    })
    return said.length === 0 ? [] : [`${plugin} ${said.join(' ')}`.slice(0, VERDICT_SHOWN)]
  })
}

function plainText(value: unknown): string {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : ''
}
