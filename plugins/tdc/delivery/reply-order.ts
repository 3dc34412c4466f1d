import type { Reply } from './outcome'
import type { Verb } from './step'

/** RFC 3463 section 3.1: a status that says nothing of what it answers. */
const UNSPECIFIC = '2.0.0'

/**
 * Whose replies are whose, as far as their enhanced status tells (RFC 2034): what an intake said to
 * a command the first time it says each time. A status that was another command's, in place of the
 * one that was this command's, is a reply to that other one: a reply too many, or one too few, has
 * shifted all that follow.
 */
export class ReplyOrder {
  private readonly said = new Map<Verb, string>()

  /** The command that a positive reply belongs to, if it is plainly not `command`. */
  ownerOf(command: Verb, { enhanced }: Reply): Verb | undefined {
    if (enhanced === undefined) return undefined
    const own = this.said.get(command)
    if (own === undefined) this.said.set(command, enhanced)
    if (own === undefined || own === enhanced || enhanced === UNSPECIFIC) return undefined
    return [...this.said].find(([, status]) => status === enhanced)?.[0]
  }
}
