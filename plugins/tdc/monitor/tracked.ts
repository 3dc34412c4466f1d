import { listOf, number, orNull, record, text } from '../base/shape'

/**
 * What became of one message, as tracking shows it: what was decided for it and why, and each step
 * of its copies with its time. Moments are milliseconds since 1970. No contents. All texts together
 * are bounded (TRACK_OCTETS in tracking.ts).
 */
export interface TrackedMessage {
  /** Haraka's uuid of the transaction, with which the MIDs of its copies begin. */
  readonly transaction: string
  readonly at: number
  /** Empty when the message had none, or when only its copy was found in the queue. */
  readonly messageId: string
  /** Empty: the null sender, or not known; see `recipientCount`. */
  readonly sender: string
  /** The first of them, at most RECIPIENTS_KEPT; one that was rewritten stands there in both forms. */
  readonly recipients: readonly string[]
  /** 0: the message itself was not seen by this process; its copy was found in the queue. */
  readonly recipientCount: number
  /** The oldest first: the first of all, and as many of the newest as there is room for. */
  readonly steps: readonly TrackedStep[]
}

export interface TrackedStep {
  readonly at: number
  /** Name of the event, such as `decided`, `prepared`, `enqueued`, `delivered`. */
  readonly kind: string
  /** Of the copy that it is about; null: the message as a whole. */
  readonly mid: string | null
  /** In words, safe to show. */
  readonly text: string
}

/** Messages that a machine shows to the others. */
export const RECENT_SHARED = 100
/** Messages shown for one question. */
export const MOST_FOUND = 20
export const RECIPIENTS_KEPT = 50
export const STEPS_KEPT = 40

export const MESSAGE_ORDERS = {
  newest: (a: Dated, b: Dated) => b.at - a.at,
  oldest: (a: Dated, b: Dated) => a.at - b.at,
}
type Dated = Pick<TrackedMessage, 'at'>

const words = text(1_000)
const MOST = 2_000

/** As another machine may tell it. */
export const trackedShape = record<TrackedMessage>({
  transaction: words,
  at: number,
  messageId: words,
  sender: words,
  recipients: listOf(words, MOST),
  recipientCount: number,
  steps: listOf(
    record<TrackedStep>({ at: number, kind: words, mid: orNull(words), text: words }),
    MOST,
  ),
})
