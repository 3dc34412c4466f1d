import type { Results } from './clean'

/** What the decision looks at, as plain values: the envelope, and where it came from. */
export interface MessageFacts {
  /** The transaction's uuid. */
  readonly transaction: string
  /** Reverse-path, `user@domain` with the domain in ASCII; '' when null. */
  readonly sender: string
  readonly recipients: readonly RecipientFacts[]
  /** The client may relay whatever the recipient: it authenticated, or a policy says so. */
  readonly relayClient: boolean
  /** What other plugins found out about it; undefined: nothing is known. */
  readonly results?: Results
  /** Value of the loop header, when the message carries one. */
  readonly loopToken: string | undefined
}

export interface AddressFacts {
  /** As it was written, without brackets; what the report lists. */
  readonly address: string
  /** `user@domain` with the domain in ASCII and lower case; what policies match. */
  readonly key: string
  readonly domain: string
}

/** A recipient as it goes on to the mailbox. */
export interface RecipientFacts extends AddressFacts {
  /** What the client gave, where a plugin made another one of it: one, or all that it may come from. */
  readonly given?: readonly AddressFacts[]
}
