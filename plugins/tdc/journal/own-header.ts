import { dateText } from './date-text'
import { headerField, piecesOf } from './header-field'
import { asciiText } from './header-value'
import { TOKEN_HEADER } from './loop-token'
import type { HeadTraits } from './original-filter'

/** Says that bare CR or LF of the original is something else in the copy. */
export const NORMALIZED_HEADER = 'X-TDC-Normalized'

/** Stands above an original whose first line could be read as a folded one: it then continues this. */
export const LEADING_FOLD_HEADER = 'X-TDC-Leading-Fold'

/** Says of a copy that it was given up once, and is sent again. */
export const REPLAYED_HEADER = 'X-TDC-Replayed'

/** `reason` is a word; the moments are milliseconds since 1970. */
export interface ReplayFacts {
  readonly at: number
  readonly givenUpAt: number
  readonly reason: string
}

/** A header field to stand in front of a copy that is on disk already; its lines end with CRLF. */
export function replayedField({ at, givenUpAt, reason }: ReplayFacts): Buffer {
  const field = headerField(REPLAYED_HEADER, [
    ` ${dateText(at)};`,
    ` reason=${reason};`,
    ` given-up="${dateText(givenUpAt)}"`,
  ])
  return Buffer.from(`${field}\r\n`)
}

/** The connector's own statements in the outermost header of a copy. */
export function ownHeader(token: string, traits: HeadTraits): string[] {
  const fields = [headerField(TOKEN_HEADER, piecesOf(asciiText(token)))]
  if (traits.normalized) fields.push(`${NORMALIZED_HEADER}: line-ends`)
  return fields
}

/** The last line above the original. */
export function foldGuard(traits: HeadTraits): string[] {
  return traits.leadingFold ? [`${LEADING_FOLD_HEADER}: yes`] : []
}
