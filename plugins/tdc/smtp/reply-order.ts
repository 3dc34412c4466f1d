import type { Reply } from './outcome'
import type { Verb } from './heard'

/** RFC 3463 section 3.1: a status that says nothing of what it answers. */
const UNSPECIFIC = '2.0.0'

/**
 * Whose replies are whose, as far as their status (RFC 2034) and their words tell: what an intake said to
 * a command the first time it says each time. What was another command's, in place of what was this
 * command's, is a reply to that other one: a reply too many, or one too few, has shifted all that
 * follow. (Exim 4.96 with a full spool has no reply at all to some messages.)
 */
export class ReplyOrder {
  private readonly said = new Map<Verb, Reply>()

  /** The command that a positive reply belongs to, if it is plainly not `command`. */
  ownerOf(command: Verb, reply: Reply): Verb | undefined {
    const own = this.said.get(command)
    if (own === undefined) {
      this.said.set(command, reply)
      return undefined
    }
    return this.otherThan(own, reply, statusOf) ?? this.otherThan(own, reply, wordsOf)
  }

  /** Both were answered, each in words of its own: one cannot be taken for the other. */
  tellsApart(one: Verb, other: Verb): boolean {
    const [first, second] = [this.said.get(one), this.said.get(other)]
    return first !== undefined && second !== undefined && wordsOf(first) !== wordsOf(second)
  }

  /** `reply` is what `command` was answered the first time, word by word. */
  isAsTo(command: Verb, reply: Reply): boolean {
    const said = this.said.get(command)
    return said !== undefined && wordsOf(said) === wordsOf(reply)
  }

  private otherThan(own: Reply, reply: Reply, sign: Sign): Verb | undefined {
    const seen = sign(reply)
    if (seen === undefined || sign(own) === undefined || sign(own) === seen) return undefined
    return [...this.said].find(([, said]) => sign(said) === seen)?.[0]
  }
}

/** What replies to one command have in common. */
type Sign = (reply: Reply) => string | undefined

const statusOf: Sign = ({ enhanced }) => (enhanced === UNSPECIFIC ? undefined : enhanced)

const wordsOf: Sign = ({ enhanced = '', text }) => `${enhanced} ${text}`
