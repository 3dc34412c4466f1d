import type { Aspects } from './changes'
import type { Intake } from './settings'

/** What a policy says about a recipient (spec 3). */
export type Choice = { kind: 'no' } | { kind: 'default' } | { kind: 'custom'; intake: Intake }

export interface PolicyMatch {
  readonly policy: string
  readonly choice: Choice
}

/** The ordered policies; the first that matches sender and recipient decides, DEFAULT is last. */
export interface PolicyTable {
  /**
   * Addresses are `user@domain` with the domain in ASCII; '' is the null sender. `given`: what the
   * recipient was before it was rewritten; a list that has one of them has it.
   */
  match(sender: string, recipient: string, given?: readonly string[]): PolicyMatch
  /** What it says, for a comparison. */
  readonly aspects: Aspects
  /** Some mail gets a copy. */
  readonly asksForCopies: boolean
}
