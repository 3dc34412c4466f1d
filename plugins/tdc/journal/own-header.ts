import { headerField, piecesOf } from './header-field'
import { asciiText } from './header-value'
import { TOKEN_HEADER } from './loop-token'
import type { HeadTraits } from './original'

/** Says that bare CR or LF of the original became CRLF in the copy. */
export const NORMALIZED_HEADER = 'X-TDC-Normalized'

/** Stands above an original that begins with a folded line, which then continues no other header. */
export const LEADING_FOLD_HEADER = 'X-TDC-Leading-Fold'

/** The connector's own statements in the outermost header of a copy. */
export function ownHeader(token: string, traits: HeadTraits): string[] {
  const fields = [headerField(TOKEN_HEADER, piecesOf(asciiText(token)))]
  if (traits.normalized) fields.push(`${NORMALIZED_HEADER}: line-ends`)
  return fields
}

/** The last line above the original, needed only when its first line is a folded one. */
export function foldGuard(traits: HeadTraits): string[] {
  return traits.leadingFold ? [`${LEADING_FOLD_HEADER}: yes`] : []
}
