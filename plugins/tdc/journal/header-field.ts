import { ENCODED_LINE_LIMIT, encodeWords } from './encoded-word'
import { isPrintableAscii } from './header-value'

/** Preferred line length (RFC 5322 2.1.1). */
const PREFERRED_LINE = 78

/**
 * A header field, folded between its pieces where that keeps lines short. Every piece begins with
 * a space and has something after it, so that no line is blank (RFC 5322 3.2.2).
 */
export function headerField(name: string, pieces: readonly string[]): string {
  if (pieces.length === 0) return `${name}: `
  const encoded = pieces.some((piece) => piece.includes('=?'))
  const limit = encoded ? ENCODED_LINE_LIMIT : PREFERRED_LINE
  const lines: string[] = []
  let line = `${name}:${pieces[0]}`
  for (const piece of pieces.slice(1)) {
    if (line.length + piece.length > limit) {
      lines.push(line)
      line = piece
    } else {
      line += piece
    }
  }
  return [...lines, line].join('\r\n')
}

/** The field on its own line when it does not fit beside its name. */
export function unbrokenField(name: string, value: string): string {
  const line = `${name}: ${value}`
  return line.length <= PREFERRED_LINE ? line : `${name}:\r\n\t${value}`
}

/** Text, cut into the pieces between which it may be folded. */
export function piecesOf(text: string): string[] {
  return ` ${text}`.match(/ +[^ ]+/g) ?? []
}

/** The field's text in ASCII: as it is, or as encoded words when it is not or could be read as such. */
export function textField(name: string, text: string, mostWords?: number): string {
  const plain = isPrintableAscii(text) && !text.includes('=?')
  return headerField(name, plain ? piecesOf(text) : encodeWords(text, name.length + 2, mostWords))
}
