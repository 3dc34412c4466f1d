import type { Readable } from 'node:stream'

/**
 * One copy on its way to an intake, as the delivery sees it. The reply that ends it, whatever it
 * is, reaches `settle` exactly once.
 */
export interface Outgoing {
  /** The queue item's uuid. */
  readonly mid: string
  /** The one envelope recipient, `user@domain`, the domain in its ASCII form. */
  readonly recipient: string
  /** The reverse-path without angle brackets; empty for `MAIL FROM:<>`. */
  readonly reversePath: string
  /** Octets of the message as SIZE counts them (RFC 1870 section 5): CRLF included, stuffing not. */
  readonly size: number
  /** Some octet is above 127, so BODY=8BITMIME is wanted (RFC 6152). */
  readonly eightBit: boolean
  /** What this intake refuses for its content goes in another form, and is not sent for nothing. */
  readonly mayFallBack?: boolean
  /** The envelope or the top header is internationalized, so SMTPUTF8 is wanted (RFC 6531). */
  readonly smtputf8: boolean
  /**
   * The message in the form that DATA sends (RFC 5321 section 4.5.2): CRLF line ends, lines that
   * begin with a dot stuffed, ending with CRLF, without the final `.` line. A fresh short copy is
   * still in memory, another short one is read whole, a long one is read while it is sent. Called
   * once per attempt.
   */
  content(): Buffer | Readable | Promise<Buffer | Readable>
}
