import { bounded, safeCut } from '../base/text'
import { decodeWords, isSoundWord } from './encoded-word'
import { headerField, piecesOf, textField } from './header-field'
import { HEADER_VALUE_LIMIT, VALUE_LIMIT, isPrintableAscii, unfold } from './header-value'

/** So many encoded words of 72 characters, with the spaces between them, stay below 900 octets. */
const MOST_WORDS = 12

/** The subject as a person reads it: decoded, one line, '' when there is none. */
export function subjectText(subject: string | undefined): string {
  return safeCut(decodeWords(rawSubject(subject)), VALUE_LIMIT)
}

/** The report's own Subject: the sender's spelling when it is sound, else encoded anew. */
export function subjectField(subject: string | undefined): string {
  const raw = rawSubject(subject)
  if (isSound(raw)) return headerField('Subject', piecesOf(raw))
  const text = subjectText(subject)
  const short = isPrintableAscii(text) ? bounded(text, HEADER_VALUE_LIMIT).trimEnd() : text
  return textField('Subject', short, MOST_WORDS)
}

/** A tab is what many senders fold with; as white space it means the same as a space. */
function rawSubject(subject: string | undefined): string {
  return unfold(subject ?? '')
    .replace(/\t/g, ' ')
    .trim()
}

/** Short printable ASCII whose encoded words, if any, decode to nothing but clean text. */
function isSound(raw: string): boolean {
  if (raw.length > HEADER_VALUE_LIMIT || !isPrintableAscii(raw)) return false
  if (!raw.split(' ').every((token) => !token.includes('=?') || isSoundWord(token))) return false
  const decoded = decodeWords(raw).trim()
  return safeCut(decoded, HEADER_VALUE_LIMIT) === decoded
}
