import type { Intake } from './settings'

/** What a policy says about a recipient (spec 3). */
export type Choice = { kind: 'no' } | { kind: 'default' } | { kind: 'custom'; intake: Intake }

export interface PolicyMatch {
  readonly policy: string
  readonly choice: Choice
}

/** The ordered policies; the first that matches sender and recipient decides, DEFAULT is last. */
export interface PolicyTable {
  /** `sender` and `recipient` are `user@domain` with the domain in ASCII; '' is the null sender. */
  match(sender: string, recipient: string): PolicyMatch
}
