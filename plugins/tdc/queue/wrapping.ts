import { BCC_REMOVALS, bccHead } from '../journal/bcc-copy'
import { newBoundary } from '../journal/boundary'
import { DotStuffer } from '../journal/dot-stuffer'
import {
  journalHead,
  journalRemovals,
  journalTail,
  type JournalOptions,
} from '../journal/journal-report'
import type { BareCr } from '../journal/line-ends'
import { OriginalFilter, type HeadTraits } from '../journal/original'
import type { ReportFacts } from '../journal/report'

/** How one copy is put around its original (spec 4). */
export interface Wrapping {
  /** Begins a pass of the original through the format; each pass has a boundary of its own. */
  begin(): WrappingPass
  /** Octets of the longest head that a pass of this copy can have. */
  longestHead(): number
}

/** What goes in front of the original depends on all of it, so the head comes last. */
export interface WrappingPass {
  /** The next piece of the original as DATA sends it: filtered, dots stuffed. */
  push(piece: Buffer): Buffer
  end(): {
    /** What follows the last piece: octets held back, and the end of the report. */
    readonly rest: Buffer
    readonly traits: HeadTraits
    /** The boundary stands in the original; take another pass. */
    readonly collided: boolean
    /** Octets of original and end as SIZE counts them: not stuffed. */
    readonly size: number
  }
  /** Everything in front of the original; none of its lines begins with a dot. */
  head(traits: HeadTraits): Buffer
}

export type Random = (bytes: number) => Buffer

/** `journal`: the original as an attachment of a report. */
export function journalWrapping(
  facts: ReportFacts,
  options: JournalOptions,
  random: Random,
): Wrapping {
  const remove = journalRemovals(options.remoteIpHeader)
  const { bareCr } = options
  const begin = () => {
    const boundary = newBoundary(random)
    const head = (traits: HeadTraits) => journalHead(facts, options, boundary, traits)
    return pass(new OriginalFilter({ remove, boundary, bareCr }), head, journalTail(boundary))
  }
  return { begin, longestHead: () => begin().head(EVERYTHING).length }
}

/** `bcc`: the original itself, with what the service wants to know on top. */
export function bccWrapping(
  facts: ReportFacts,
  options: { token: string; bareCr: BareCr },
): Wrapping {
  const { bareCr } = options
  const head = (traits: HeadTraits) => bccHead(facts, options, traits)
  const begin = () =>
    pass(
      new OriginalFilter({ remove: BCC_REMOVALS, boundary: undefined, bareCr }),
      head,
      Buffer.alloc(0),
    )
  return { begin, longestHead: () => head(EVERYTHING).length }
}

const EVERYTHING: HeadTraits = { eightBit: true, normalized: true, leadingFold: true }

function pass(
  filter: OriginalFilter,
  head: (traits: HeadTraits) => Buffer,
  tail: Buffer,
): WrappingPass {
  const stuffer = new DotStuffer()
  return {
    push: (piece) => stuffer.push(filter.push(piece)),
    end() {
      const last = stuffer.push(filter.end())
      const end = stuffer.push(tail)
      const closing = stuffer.end()
      const { traits } = filter
      return {
        rest: Buffer.concat([last, end, closing]),
        traits,
        collided: traits.collided,
        size: traits.size + tail.length + closing.length,
      }
    },
    head,
  }
}
