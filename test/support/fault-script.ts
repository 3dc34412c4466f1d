/**
 * Where in the conversation a fault strikes. Each step stands just before the server answers it:
 *
 * | step        | met when                                                                    |
 * |-------------|-----------------------------------------------------------------------------|
 * | `CONNECT`   | TCP stands; the answer is the greeting                                      |
 * | `EHLO`      | EHLO in plain text                                                          |
 * | `STARTTLS`  | STARTTLS                                                                    |
 * | `HANDSHAKE` | the first octets after `220` to STARTTLS arrived, normally the ClientHello  |
 * | `EHLO2`     | EHLO inside TLS                                                             |
 * | `MAIL`, `RCPT`, `DATA`, `RSET`, `NOOP`, `QUIT` | that command inside TLS                  |
 * | `CONTENT`   | `after` octets of a message were read                                       |
 * | `CHUNK`     | all octets of a BDAT were read that is not the last                         |
 * | `BODY`      | the final dot was read, or all octets of the last BDAT                      |
 */
export type Step =
  | 'CONNECT'
  | 'EHLO'
  | 'STARTTLS'
  | 'HANDSHAKE'
  | 'EHLO2'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'CONTENT'
  | 'CHUNK'
  | 'BODY'
  | 'RSET'
  | 'NOOP'
  | 'QUIT'

/**
 * What ends the step, after the reply if there is one:
 * - `drop`: FIN (inside TLS with close_notify), and nothing more is read
 * - `reset`: RST
 * - `half-open`: FIN, but everything that still comes is read and recorded
 * - `stall`: says nothing more, reads and records
 * - `deaf`: reads nothing more, so the client's writes get stuck
 * - `endless-line`: `250-xxxx...` without an end, as long as the client takes it
 * - `endless-reply`: `250-x` lines without an end
 */
export type Ending =
  'drop' | 'reset' | 'half-open' | 'stall' | 'deaf' | 'endless-line' | 'endless-reply'

/**
 * One deviation from the honest server. The fields are applied from top to bottom; without any of
 * `reply`, `raw` and `then` the honest answer is given (late, split or with extra octets).
 *
 * A reply that is not a success keeps the state as a real server would: after `451` to MAIL there
 * is no transaction, after anything but `354` to DATA no message is read. Whatever the reply to
 * BODY is, the message stands in the ledger, with that reply.
 */
export interface Fault {
  readonly on: Step
  /** Which time this connection meets the step: 1 is the first. Default: every time. */
  readonly nth?: number
  /** From which time on, in place of `nth`. */
  readonly from?: number
  /** Only for `CONTENT`: after so many octets of the message as they came. Default 1. */
  readonly after?: number
  /** Milliseconds before anything is answered. */
  readonly delay?: number
  /** In place of the honest reply, lines joined with CRLF; the last CRLF is added. */
  readonly reply?: string
  /** In place of the honest reply, octets (latin1) as they stand. */
  readonly raw?: string
  /** Octets (latin1) behind the reply, in the same write. */
  readonly extra?: string
  /** The answer is written octet by octet. */
  readonly split?: boolean
  /** Alone: in place of the honest reply. */
  readonly then?: Ending
}

/** The faults of one connection; of those that fit a step, the first counts. */
export type Script = readonly Fault[]
