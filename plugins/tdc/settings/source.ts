import { type KeyPlace, type Problems, shown } from './problems'

/** A file of one entry per line, comments and blank lines already taken out. */
type ListFile =
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  | { readonly kind: 'unreadable'; readonly why: string }

export type TextFile =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly why: string }

/** What the server's other files say about the domains of its mail, as it stands there. */
export interface MailDomains {
  /** Those that it receives mail for: host_list, smtp_forward.ini. */
  readonly received: readonly string[]
  /** host_list_regex: regular expressions of further ones. */
  readonly patterns: readonly string[]
  /** Those that the relay plugin relays for. */
  readonly relayed: readonly string[]
}

/** One section as haraka-config's ini parser gives it: numbers, strings, arrays, undefined. */
export type RawSection = Readonly<Record<string, unknown>>

/** What haraka-config's parser passes over without a word. */
export type Overlooked =
  /** Neither a heading, nor key=value, nor a comment: it has no effect. Its rest may be a secret. */
  | {
      readonly kind: 'stray-line'
      readonly section: string
      readonly number: number
      readonly firstWord: string
    }
  /** Stands there once more: the last one counts. */
  | { readonly kind: 'double-key'; readonly section: string; readonly key: string }

/** Everything that the settings are made of, gathered by the caller; reading touches nothing else. */
export interface SettingsSource {
  /** config/tdc.ini, section -> key -> value. */
  readonly ini: Readonly<Record<string, RawSection>>
  /** The server has no tdc.ini of its own. */
  readonly missing?: boolean
  /** Why the server's own tdc.ini, which is there, cannot be read. */
  readonly unreadable?: string | undefined
  /** The server's own tdc.ini as it stands. */
  readonly text: string
  /**
   * The section headings as they stand in the server's own tdc.ini, in order and with doubles,
   * which the parser merges without a word.
   */
  readonly headings: readonly string[]
  /** Of the server's own tdc.ini. */
  readonly overlooked: readonly Overlooked[]
  /** The value stands in the settings that the machines share, over that of the file. */
  readonly isShared?: (section: string, key: string) => boolean
  /** This machine's os.hostname(). */
  readonly hostname: string
  /** config/me: the machine's name when no section is called after its hostname. */
  readonly me: string
  readonly domains: MailDomains
  /** Why no DNS server of this system is trusted to validate; undefined: all are. */
  readonly untrustedDns?: string | undefined
  readList(name: string): ListFile
  readFile(path: string): TextFile
  /** An environment variable of this process. */
  environment(name: string): string | undefined
}

/** The files that settings were made of, as they were then; JSON carries it whole. */
export interface SourceFiles {
  /** There was no tdc.ini. */
  readonly missing: boolean
  /** Of tdc.ini. */
  readonly text: string
  readonly ini: Readonly<Record<string, RawSection>>
  readonly headings: readonly string[]
  readonly lists: Readonly<Record<string, ListFile>>
  readonly texts: Readonly<Record<string, TextFile>>
}

export const NO_FILES: SourceFiles = {
  missing: true,
  text: '',
  ini: {},
  headings: [],
  lists: {},
  texts: {},
}

/** The same source, and what was read of its files so far. */
export function noting(source: SettingsSource): { source: SettingsSource; files: SourceFiles } {
  const lists: Record<string, ListFile> = {}
  const texts: Record<string, TextFile> = {}
  const { ini, headings, text, missing = false } = source
  return {
    source: {
      ...source,
      readList: (name) => (lists[name] = source.readList(name)),
      readFile: (path) => (texts[path] = source.readFile(path)),
    },
    files: { missing, text, ini, headings, lists, texts },
  }
}

/** A source with these files in place of its own. */
export function withFiles(source: SettingsSource, files: SourceFiles): SettingsSource {
  const { missing, text, ini, headings, lists, texts } = files
  return {
    ...source,
    ...{ missing, text, ini, headings, unreadable: undefined, overlooked: [] },
    readList: (name) => lists[name] ?? source.readList(name),
    readFile: (path) => texts[path] ?? source.readFile(path),
  }
}

/**
 * What says that files lost what they had: an editor that empties a file before it writes it, an
 * export that failed, a disk that was full. `before`: those that the settings in force are made of.
 */
export function lostContent(before: SourceFiles, now: SourceFiles): string[] {
  const lost = Object.entries(now.lists).map(([name, list]) =>
    lostLines(name, before.lists[name], list),
  )
  return [lostText(before.text, now.text), ...lost].filter((sentence) => sentence !== undefined)
}

function lostText(before: string, now: string): string | undefined {
  const [whole, rest] = [before.trimEnd(), now.trimEnd()]
  if (isBlank(now))
    return isBlank(before)
      ? undefined
      : 'tdc.ini is empty; write [main] enabled=false to turn copies off'
  if (rest.length >= whole.length || !whole.startsWith(rest)) return undefined
  const line = rest.split('\n').length
  return `tdc.ini is the one in force cut off in line ${line}; if that is meant, write a line behind it, such as a comment`
}

/** A file of which nothing has an effect. */
export function isBlank(text: string): boolean {
  return text.split(/\r\n|\r|\n/).every((line) => /^\s*(?:[;#].*)?$/.test(line))
}

function lostLines(name: string, before: ListFile | undefined, now: ListFile): string | undefined {
  if (now.kind !== 'lines') return undefined
  const had = before?.kind === 'lines' ? before.lines : undefined
  const last = now.lines.at(-1)
  if (last === undefined) {
    return had?.length === 0
      ? undefined
      : `the list file ${name} is empty; take it out of tdc.ini if that is meant`
  }
  const there = had?.[now.lines.length - 1] ?? ''
  const isCut = there.length > last.length && there.startsWith(last)
  return isCut ? `the list file ${name} is cut off in its entry ${last}` : undefined
}

/** The lines of a list file that the key at `place` names; one that cannot be read is a problem. */
export function listLines(
  readList: SettingsSource['readList'],
  file: string | undefined,
  place: KeyPlace,
  problems: Problems,
): readonly string[] {
  if (file === undefined) return []
  const found = readList(file)
  if (found.kind === 'lines') return found.lines
  problems.refuse(place, `the file cannot be read: ${shown(found.why)}`)
  return []
}
