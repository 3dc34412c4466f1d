import { HeaderCut } from './header-cut'
import { type BareCr, LineEnds } from './line-ends'
import { TokenFinder } from './token-finder'

/** What was seen while the original passed; the head of the copy is made from it. */
export interface OriginalTraits {
  /** An octet above 127 occurs. */
  readonly eightBit: boolean
  /** Bare CR or LF was replaced. */
  readonly normalized: boolean
  /** The boundary occurs somewhere: another one is needed. */
  readonly collided: boolean
  /** Some reader takes the first line for a folded one: nothing may be put right above it. */
  readonly leadingFold: boolean
  /** Octets passed on. */
  readonly size: number
}

/** What the head of a copy has to know of the original below it. */
export type HeadTraits = Pick<OriginalTraits, 'eightBit' | 'normalized' | 'leadingFold'>

export interface FilterOptions {
  /** Names of the header fields to take out of the top header block. */
  readonly remove: readonly string[]
  /** The boundary to look for; undefined: none. */
  readonly boundary: string | undefined
  readonly bareCr: BareCr
}

/**
 * The original on its way into a copy: byte for byte, but for the header fields taken out and for
 * bare CR and LF. A chunk in which nothing changes is returned itself.
 */
export class OriginalFilter {
  private readonly lineEnds: LineEnds
  private readonly header: HeaderCut
  private readonly finder: TokenFinder
  private size = 0

  constructor(options: FilterOptions) {
    this.lineEnds = new LineEnds(options.bareCr)
    this.header = new HeaderCut(options.remove)
    this.finder = new TokenFinder(options.boundary)
  }

  push(chunk: Buffer): Buffer {
    this.finder.push(chunk)
    return this.passOn(this.header.push(this.lineEnds.push(chunk)))
  }

  end(): Buffer {
    const last = this.header.push(this.lineEnds.end())
    return this.passOn(Buffer.concat([last, this.header.end()]))
  }

  /** Complete after `end()`. */
  get traits(): OriginalTraits {
    return {
      eightBit: this.lineEnds.eightBit,
      normalized: this.lineEnds.normalized,
      collided: this.finder.found,
      leadingFold: this.header.leadingFold,
      size: this.size,
    }
  }

  private passOn(chunk: Buffer): Buffer {
    this.size += chunk.length
    return chunk
  }
}
