import { inTurns } from '../base/in-turns'
import { RecentMap } from '../base/recent-map'
import { ANY, isFromTo, type Sought } from '../base/sought'
import { safeCut, safeText, withoutBrackets } from '../base/text'
import { hasCopy, type CameTo } from './copies-of'
import type { TdcEvent } from './events'
import { trackText } from './lines'
import { MOST_FOUND, RECIPIENTS_KEPT, type TrackedMessage, type TrackedStep } from './tracked'

/**
 * Octets that are kept of one message; an ordinary one takes some 400. Whoever sends it decides how
 * long its addresses are, and an intake how long its replies.
 */
export const TRACK_OCTETS = 2_400
/** Of these, for the message itself; for the words of one step, and for the name of its copy. */
const HEAD_OCTETS = 1_200
const TEXT_OCTETS = 500
const COPY_OCTETS = 32

/** What comes behind the transaction's uuid in a MID. */
const COPY_SUFFIX = '.tdc'

/** A step that is about a copy; the rest of its MID stands behind it. */
const OF_COPY = '='

type Head = Pick<TrackedMessage, 'at' | 'messageId' | 'sender' | 'recipientCount' | 'recipients'>

/** What became of the last messages, by transaction. */
export class Tracking {
  private readonly tracks: RecentMap<string, string>

  /** `most`: messages that are kept; read at each new one, so that a reload takes effect. */
  constructor(most: () => number) {
    this.tracks = new RecentMap(most)
  }

  get size(): number {
    return this.tracks.size
  }

  note(event: TdcEvent, now: number, service: string): void {
    const given = transactionOf(event)
    if (given === undefined) return
    const transaction = this.tracks.has(given) ? given : safeText(given)
    const track = withFacts(this.tracks.get(transaction), event, now)
    const mid = 'mid' in event ? event.mid : null
    const step = { at: now, kind: event.kind, mid, text: trackText(event, service) }
    this.tracks.set(transaction, withStep(track, step))
  }

  /**
   * The messages that a MID, a transaction, a Message-ID (with or without brackets), or an address
   * of the sender or a recipient stands for, of those that are sought; the newest first. Of more than
   * `most` the newest, or the `oldest`. Without `wanted`, all that are sought. `cameTo`: what a copy for
   * that intake came to.
   */
  async find(
    wanted: string | undefined,
    sought: Sought = ANY,
    most = MOST_FOUND,
    oldest = false,
    cameTo: CameTo = '',
  ): Promise<TrackedMessage[]> {
    const isWanted = matcher(wanted, sought)
    const found: string[] = []
    const asksCopies = sought.intake !== '' || cameTo !== ''
    for await (const [transaction, track] of inTurns(this.tracks)) {
      if (!isWanted({ transaction, ...headOf(track) })) continue
      if (asksCopies && !hasCopy(told(transaction, track), sought.intake, cameTo)) continue
      found.push(transaction)
      if (found.length <= most) continue
      if (oldest) found.pop()
      else found.shift()
    }
    return found.flatMap((transaction) => this.told(transaction)).reverse()
  }

  /** From and to whom the message of a copy is; undefined: that is not known here. */
  envelopeOf(mid: string): Pick<TrackedMessage, 'sender' | 'recipients'> | undefined {
    const track = this.tracks.get(safeText(transactionOfMid(mid)))
    const head = track === undefined ? undefined : headOf(track)
    return head && head.recipientCount > 0 ? head : undefined
  }

  /** The last `most` messages, the newest first. */
  recent(most: number): TrackedMessage[] {
    const found: TrackedMessage[] = []
    let older = this.tracks.size - most
    for (const transaction of this.tracks.keys()) {
      if (older-- <= 0) found.push(...this.told(transaction))
    }
    return found.reverse()
  }

  /** None that was forgotten meanwhile. */
  private told(transaction: string): TrackedMessage[] {
    const track = this.tracks.get(transaction)
    return track === undefined ? [] : [told(transaction, track)]
  }
}

/*
 * A track is one text: a line for the message, then a line for each step, worded when it happened.
 * As objects it would take three times the memory. An octet of UTF-8 is one character of it, so that
 * its length is what it takes. No text that is safe has a tab or a line end.
 */

/** What the event says of the message itself. */
function withFacts(track: string | undefined, event: TdcEvent, now: number): string {
  if (event.kind === 'decided') {
    const head = headLine({
      at: track === undefined ? now : beginOf(track),
      messageId: event.messageId,
      sender: event.sender,
      recipientCount: event.recipients.length + (event.rewritten?.length ?? 0),
      recipients: bothForms(event).slice(0, RECIPIENTS_KEPT),
    })
    return head + (track === undefined ? '' : track.slice(track.indexOf('\n')))
  }
  const nothing = { at: now, messageId: '', sender: '', recipientCount: 0, recipients: [] }
  if (track === undefined) return headLine({ ...nothing, ...('messageId' in event ? event : {}) })
  // A copy that was found in the queue: its Message-ID is known at its first attempt.
  const isUnnamed = track[track.indexOf('\t') + 1] === '\t'
  if (!isUnnamed || !('messageId' in event)) return track
  const [, ...steps] = track.split('\n')
  return [headLine({ ...headOf(track), messageId: event.messageId }), ...steps].join('\n')
}

/** A search finds a recipient by what was given, and by what it became. */
function bothForms({
  recipients,
  rewritten = [],
}: Extract<TdcEvent, { kind: 'decided' }>): string[] {
  return recipients.slice(0, RECIPIENTS_KEPT).flatMap((address) => {
    const given = rewritten.filter((each) => each.address === address).map((each) => each.given)
    return [address, ...given]
  })
}

/** As many of the recipients as there is room for. */
function headLine({ at, messageId, sender, recipientCount, recipients }: Head): string {
  let line = octetsOf([at, safeText(messageId), safeText(sender), recipientCount].join('\t'))
  for (const recipient of recipients) {
    const more = `${line}\t${octetsOf(safeText(recipient))}`
    if (more.length > HEAD_OCTETS) break
    line = more
  }
  return line
}

/** When it is too long, the first step and the newest stay: why there is a copy, and how it ended. */
function withStep(track: string, { at, kind, mid, text }: TrackedStep): string {
  const copy = mid === null ? '' : OF_COPY + mid.slice(transactionOfMid(mid).length)
  const step = [at - beginOf(track), kind, safeCut(copy, COPY_OCTETS), safeCut(text, TEXT_OCTETS)]
  let longer = withLine(track, step.join('\t'))
  if (longer.length <= TRACK_OCTETS) return longer
  while (longer.length > TRACK_OCTETS) longer = withoutSecondStep(longer)
  return inOnePiece(longer)
}

/** Where a track and a further line are put together. */
const room = Buffer.allocUnsafeSlow(2 * TRACK_OCTETS)

function withLine(track: string, line: string): string {
  const end = room.write(track, 0, 'latin1')
  return room.toString('latin1', 0, end + room.write(`\n${line}`, end))
}

function withoutSecondStep(track: string): string {
  const first = track.indexOf('\n', track.indexOf('\n') + 1)
  return track.slice(0, first) + track.slice(track.indexOf('\n', first + 1))
}

function beginOf(track: string): number {
  return Number(track.slice(0, track.indexOf('\t')))
}

function headOf(track: string): Head {
  const end = track.indexOf('\n')
  return parsedHead(end < 0 ? track : track.slice(0, end))
}

function parsedHead(line: string): Head {
  const [at, messageId = '', sender = '', count, ...recipients] = textOf(line).split('\t')
  return { at: Number(at), messageId, sender, recipientCount: Number(count), recipients }
}

function told(transaction: string, track: string): TrackedMessage {
  const [head = '', ...steps] = track.split('\n')
  const { at: begin, ...facts } = parsedHead(head)
  return {
    transaction,
    at: begin,
    ...facts,
    steps: steps.map((step) => {
      const [at, kind = '', copy = '', text = ''] = textOf(step).split('\t')
      const mid = copy.startsWith(OF_COPY) ? transaction + copy.slice(OF_COPY.length) : null
      return { at: begin + Number(at), kind, mid, text }
    }),
  }
}

function octetsOf(text: string): string {
  return Buffer.from(text).toString('latin1')
}

function textOf(octets: string): string {
  return Buffer.from(octets, 'latin1').toString()
}

/** V8 would keep the pieces, and what they point into. */
function inOnePiece(octets: string): string {
  return Buffer.from(octets, 'latin1').toString('latin1')
}

function transactionOf(event: TdcEvent): string | undefined {
  if ('transaction' in event) return event.transaction
  return 'mid' in event ? transactionOfMid(event.mid) : undefined
}

/** A MID is the transaction's uuid with a suffix. */
function transactionOfMid(mid: string): string {
  const at = mid.lastIndexOf(COPY_SUFFIX)
  return at < 0 ? mid : mid.slice(0, at)
}

type Matched = Pick<
  TrackedMessage,
  'transaction' | 'at' | 'messageId' | 'sender' | 'recipients' | 'recipientCount'
>

/** Is it a message that `wanted` stands for (undefined: any does), and that is sought? */
export function matcher(
  wanted: string | undefined,
  sought: Sought = ANY,
): (track: Matched) => boolean {
  const isIt = wanted === undefined ? () => true : namedBy(wanted)
  const asks = sought.sender !== '' || sought.recipient !== ''
  return (track) =>
    track.at >= sought.since &&
    (!asks || (track.recipientCount > 0 && isFromTo(sought, track))) &&
    isIt(track)
}

function namedBy(wanted: string): (track: Matched) => boolean {
  const text = wanted.trim()
  const transaction = safeText(transactionOfMid(text))
  const id = withoutBrackets(safeText(text))
  const address = id.toLowerCase()
  return (track) =>
    track.transaction === transaction ||
    (id !== '' &&
      (withoutBrackets(track.messageId) === id ||
        track.sender.toLowerCase() === address ||
        track.recipients.some((recipient) => recipient.toLowerCase() === address)))
}
