import type { ListFile } from './source'
import type { SourceFiles } from './source-files'

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
