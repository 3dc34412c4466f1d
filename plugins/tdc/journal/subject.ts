import { bounded, safeCut } from '../base/text'
import { decodeWords } from './encoded-word'
import { textField } from './header-field'
import { HEADER_VALUE_LIMIT, VALUE_LIMIT, isPrintableAscii, unfold } from './header-value'

/** So many encoded words of 72 characters, with the spaces between them, stay below 900 octets. */
const MOST_WORDS = 12

/** The subject as a person reads it: decoded, one line, '' when there is none. */
export function subjectText(subject: string | undefined): string {
  return safeCut(decodeWords(rawSubject(subject)), VALUE_LIMIT)
}

/**
 * The report's own Subject, always in UTF-8 where it is not ASCII: not every reader knows the sender's
 * charset, nor forgives what is wrong with the sender's words.
 */
export function subjectField(subject: string | undefined): string {
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
