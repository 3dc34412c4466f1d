import { withoutBrackets } from '../base/text'
import type { TdcEvent } from './events'
import { trackText } from './lines'
import { MOST_FOUND, RECIPIENTS_KEPT, STEPS_KEPT, type TrackedMessage } from './tracked'

/** One message; its steps are the events themselves, worded when somebody asks. */
interface Track {
  readonly transaction: string
  readonly at: number
  messageId: string
  sender: string
  recipients: readonly string[]
  recipientCount: number
  readonly steps: { readonly at: number; readonly event: TdcEvent }[]
}

/** What comes behind the transaction's uuid in a MID. */
const COPY_SUFFIX = '.tdc'

/** What became of the last messages: the oldest is forgotten when there are more than `most()`. */
export class Tracking {
  private readonly tracks = new Map<string, Track>()
  /** The transactions as they came, from `oldest` on: a Map finds its first one slowly. */
  private order: string[] = []
  private oldest = 0

  /** `most` is read at each new message, so that a reload takes effect; 0: nothing is kept. */
  constructor(private readonly most: () => number) {}

  get size(): number {
    return this.tracks.size
  }

  note(event: TdcEvent, now: number): void {
    const transaction = transactionOf(event)
    if (transaction === undefined) return
    const track = this.tracks.get(transaction) ?? this.begin(transaction, now)
    if (!track) return
    if (event.kind === 'decided') {
      track.messageId = event.messageId
      track.sender = event.sender
      track.recipients = event.recipients.slice(0, RECIPIENTS_KEPT)
      track.recipientCount = event.recipients.length
    } else if ('messageId' in event && track.messageId === '') {
      track.messageId = event.messageId
    }
    if (track.steps.length < STEPS_KEPT) track.steps.push({ at: now, event: withoutList(event) })
  }

  /**
   * The messages that a MID, a transaction, a Message-ID (with or without brackets), or an address
   * of the sender or a recipient stands for; the newest first.
   */
  find(wanted: string, service: string): TrackedMessage[] {
    const is = matcher(wanted)
    const found: TrackedMessage[] = []
    for (const track of [...this.tracks.values()].reverse()) {
      if (found.length < MOST_FOUND && is(track)) found.push(told(track, service))
    }
    return found
  }

  /** The last `most` messages, the newest first. */
  recent(most: number, service: string): TrackedMessage[] {
    const newest = this.order.slice(Math.max(this.oldest, this.order.length - most)).reverse()
    return newest.flatMap((transaction) => {
      const track = this.tracks.get(transaction)
      return track ? [told(track, service)] : []
    })
  }

  private forgetOldest(): void {
    this.tracks.delete(this.order[this.oldest++] ?? '')
    if (this.oldest < this.tracks.size) return
    this.order = this.order.slice(this.oldest)
    this.oldest = 0
  }

  private begin(transaction: string, now: number): Track | undefined {
    const most = this.most()
    while (this.tracks.size > 0 && this.tracks.size >= most) this.forgetOldest()
    if (most <= 0) return undefined
    this.order.push(transaction)
    const track: Track = {
      transaction,
      at: now,
      messageId: '',
      sender: '',
      recipients: [],
      recipientCount: 0,
      steps: [],
    }
    this.tracks.set(transaction, track)
    return track
  }
}

/** The recipients are kept once, and not all of thousands. */
function withoutList(event: TdcEvent): TdcEvent {
  return event.kind === 'decided' ? { ...event, recipients: [] } : event
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

type Matched = Pick<TrackedMessage, 'transaction' | 'messageId' | 'sender' | 'recipients'>

/** Is it a message that `wanted` stands for? */
export function matcher(wanted: string): (track: Matched) => boolean {
  const text = wanted.trim()
  const transaction = transactionOfMid(text)
  const id = withoutBrackets(text)
  const address = id.toLowerCase()
  return (track) =>
    track.transaction === transaction ||
    (id !== '' &&
      (withoutBrackets(track.messageId) === id ||
        track.sender.toLowerCase() === address ||
        track.recipients.some((recipient) => recipient.toLowerCase() === address)))
}

function told(track: Track, service: string): TrackedMessage {
  return {
    ...track,
    recipients: [...track.recipients],
    steps: track.steps.map(({ at, event }) => ({
      at,
      kind: event.kind,
      mid: 'mid' in event ? event.mid : null,
      text: trackText(event, service),
    })),
  }
}
