import { bounded, LIMITS, withoutUnsafe } from '../base/text'

/** Octets of a value that a sentence repeats. */
const SHOWN = 100

/** A value as a sentence shows it: on one line, without control characters, cut at 100 octets. */
export function shown(value: unknown): string {
  const text = Array.isArray(value) ? value.map(plain).join(', ') : plain(value)
  const cut = bounded(text, SHOWN)
  return withoutUnsafe(cut.length < text.length ? `${cut}...` : cut, '?')
}

/** More bad entries of one list are only counted: a wrong file would give a sentence per line. */
const ENTRIES_SHOWN = 20

/** Sentences that are kept of one reading, and as many doubts. */
const SENTENCES_KEPT = 100

/** Where a sentence points to. */
export interface KeyPlace {
  readonly section: string
  readonly key?: string | undefined
  /** The value received; without it the place names the key only. */
  readonly value?: unknown
}

/** Collects what is wrong (the settings are refused) and what is only doubtful. */
export class Problems {
  private readonly written = new Sentences()
  private readonly doubted = new Sentences()
  private readonly refusedKeys = new Set<string>()

  constructor(private readonly isShared: (section: string, key: string) => boolean = () => false) {}

  get sentences(): readonly string[] {
    return this.written.all
  }

  get warnings(): readonly string[] {
    return this.doubted.all
  }

  /** `what` goes on after the colon: `must be ...`. */
  refuse(place: KeyPlace, what: string): void {
    this.written.add(`${this.at(place)}: ${what}`)
    this.refusedKeys.add(`${place.section} ${place.key}`)
  }

  /** True when the key's own value was refused: what follows from its default is no news. */
  isRefused({ section, key }: KeyPlace): boolean {
    return this.refusedKeys.has(`${section} ${key}`)
  }

  /** One sentence for each bad entry of a list, up to 20. */
  refuseEntries(place: KeyPlace, entries: readonly string[], must: string): void {
    for (const entry of entries.slice(0, ENTRIES_SHOWN)) {
      this.refuse(place, `the entry ${shown(entry)} ${must}`)
    }
    const more = entries.length - ENTRIES_SHOWN
    if (more > 0) this.refuse(place, `${more} more entries are wrong`)
  }

  warn(place: KeyPlace, what: string): void {
    this.doubted.add(`${this.at(place)}: ${what}`)
  }

  private at({ section, key, value }: KeyPlace): string {
    const shared = key !== undefined && this.isShared(section, key)
    const heading = `${shared ? 'shared settings' : 'tdc.ini'} [${shown(section)}]`
    if (key === undefined) return heading
    return value === undefined
      ? `${heading} ${shown(key)}`
      : `${heading} ${shown(key)}=${shown(value)}`
  }
}

/** A file of something else would give a sentence for each of its lines. */
class Sentences {
  private readonly kept: string[] = []
  private more = 0

  get all(): readonly string[] {
    return this.more === 0 ? this.kept : [...this.kept, `and ${this.more} more like these`]
  }

  add(sentence: string): void {
    if (this.kept.length < SENTENCES_KEPT) this.kept.push(bounded(sentence, LIMITS.sentence))
    else this.more++
  }
}

function plain(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
    case 'boolean':
      return String(value)
    case 'undefined':
      return ''
    default:
      return typeof value
  }
}

/** More wrong letters than this are no slip of the finger. */
const SLIPS = 2
const WORD_MAX = 40

/** The known word that `word` was most likely meant to be. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > WORD_MAX) return undefined
  const ranked = known
    .map((name) => ({ name, slips: distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ slips }) => slips <= SLIPS)
    .sort((a, b) => a.slips - b.slips)
  return ranked[0]?.name
}

/** Levenshtein's: letters to insert, take out or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
