import type { Overlooked } from '../settings/source'

/** As haraka-config's own parser reads a line (lib/regex.js). */
const HEADING = /^\s*\[([^\]]*)\]\s*$/
const PARAMETER = /^\s*([\w@:._+\-/[\]]+)\s*(?:=.*)?$/
const COMMENT_OR_BLANK = /^\s*(?:[;#].*)?$/
const CONTINUED = /\\[ \t]*$/

/** What haraka-config's parser does not tell of an ini file. */
export interface IniText {
  /** As they stand, in order and with doubles, which it merges. */
  readonly headings: readonly string[]
  readonly overlooked: readonly Overlooked[]
}

/** Reads past the parser, which passes over lines that it does not know, and keys that stand twice. */
export function iniText(text: string): IniText {
  const headings: string[] = []
  const overlooked: Overlooked[] = []
  const seen = new Set<string>()
  let section = 'main'
  let before = ''
  for (const [at, line] of text.split(/\r\n|\r|\n/).entries()) {
    if (COMMENT_OR_BLANK.test(line)) continue
    const heading = HEADING.exec(line)?.[1]?.trim()
    if (heading !== undefined) {
      section = heading
      headings.push(heading)
      continue
    }
    if (CONTINUED.test(line)) {
      before += line.replace(CONTINUED, '')
      continue
    }
    const whole = before + line
    before = ''
    const key = PARAMETER.exec(whole)?.[1]
    if (key === undefined) {
      const [firstWord = ''] = whole.trim().split(/\s/)
      overlooked.push({ kind: 'stray-line', section, number: at + 1, firstWord })
    } else if (!key.endsWith('[]')) {
      const place = `${section}\n${key}`
      if (seen.has(place)) overlooked.push({ kind: 'double-key', section, key })
      seen.add(place)
    }
  }
  return { headings, overlooked }
}
