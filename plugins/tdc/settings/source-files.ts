import type { ListFile, RawSection, SettingsSource, TextFile } from './source'

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
