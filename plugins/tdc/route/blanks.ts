/**
 * Without the spaces and tabs (WSP, RFC 5234) around a text. By hand: `trim` takes more away, and a
 * regular expression takes quadratic time for blanks within.
 */
export function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

function isBlank(char: string | undefined): boolean {
  return char === ' ' || char === '\t'
}
