/** What a copy says about the message and its envelope. Values come as they were received. */
export interface ReportFacts {
  /** The queue item's uuid; also the left side of the report's Message-ID. */
  readonly mid: string
  /** Host name of this gateway. */
  readonly gateway: string
  /** `user@domain` of the intake. */
  readonly intake: string
  /** Reverse-path without brackets; '' when null. */
  readonly reversePath: string
  /** Accepted recipients of this intake's group, `user@domain`, in RCPT order. */
  readonly recipients: readonly string[]
  /** What each of them was before it was rewritten, at the same place. */
  readonly given?: readonly (string | undefined)[] | undefined
  /** First Subject and Message-ID of the original, as Haraka parsed them (may be folded); undefined: none. */
  readonly subject: string | undefined
  readonly messageId: string | undefined
  /** Address of the sending client, after PROXY or XCLIENT. */
  readonly clientIp: string
  /** Milliseconds since 1970. */
  readonly date: number
}
