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
import { OriginalFilter, type HeadTraits } from '../journal/original-filter'
import type { ReportFacts } from '../journal/report'
import { MessageDigest, ReportDigest } from '../journal/report-digest'

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
  /** Everything in front of the original; none of its lines begins with a dot. `named`: default all. */
  head(traits: HeadTraits, named?: Named): Buffer
}

/** Whom a copy names. */
export type Named = Pick<ReportFacts, 'recipients' | 'given'>

export type Random = (bytes: number) => Buffer

/** The token of a copy, by the octets in front of the original in its body and its content's digest. */
export type Sign = (lead: number, digest: string) => string

function signOf(token: string | Sign): Sign {
  return typeof token === 'string' ? () => token : token
}

/** `journal`: the original as an attachment of a report. */
export function journalWrapping(
  facts: ReportFacts,
  options: Omit<JournalOptions, 'token'> & { readonly token: string | Sign },
  random: Random,
): Wrapping {
  const remove = journalRemovals(options.remoteIpHeader)
  const { bareCr } = options
  const sign = signOf(options.token)
  const begin = () => {
    const boundary = newBoundary(random)
    const content = new ReportDigest()
    const token = (lead: Buffer, header: Buffer) => sign(lead.length, content.end(lead, header))
    const head = (traits: HeadTraits, named?: Named) =>
      journalHead({ ...facts, ...named }, { ...options, token }, boundary, traits)
    const filter = new OriginalFilter({ remove, boundary, bareCr })
    return pass(filter, (piece) => content.push(piece), head, journalTail(boundary))
  }
  return { begin, longestHead: () => begin().head(EVERYTHING).length }
}

/** `bcc`: the original itself, with what the service wants to know on top. */
export function bccWrapping(
  facts: ReportFacts,
  { token, bareCr }: { readonly token: string | Sign; readonly bareCr: BareCr },
): Wrapping {
  const begin = () => {
    const content = new MessageDigest(0)
    const head = (traits: HeadTraits, named?: Named) =>
      bccHead({ ...facts, ...named }, { token: signOf(token)(0, content.end()) }, traits)
    const filter = new OriginalFilter({ remove: BCC_REMOVALS, boundary: undefined, bareCr })
    return pass(filter, (piece) => content.push(piece), head, Buffer.alloc(0))
  }
  return { begin, longestHead: () => begin().head(EVERYTHING).length }
}

const EVERYTHING: HeadTraits = { eightBit: true, normalized: true, leadingFold: true }

/** `seen`: all that comes behind the head, not stuffed. */
function pass(
  filter: OriginalFilter,
  seen: (piece: Buffer) => void,
  head: WrappingPass['head'],
  tail: Buffer,
): WrappingPass {
  const stuffer = new DotStuffer()
  const put = (piece: Buffer): Buffer => {
    seen(piece)
    return stuffer.push(piece)
  }
  return {
    push: (piece) => put(filter.push(piece)),
    end() {
      const last = put(filter.end())
      const end = put(tail)
      const closing = stuffer.end()
      seen(closing)
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
