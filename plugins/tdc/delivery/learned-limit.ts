import type { Clock } from '../clock'

/** Milliseconds. */
const REMEMBERED_FOR = 3_600_000

/**
 * How many messages an intake takes over one connection, learned from where it ends them. Some
 * intakes end every connection after the same number; the message after it then costs a round trip
 * and a 421, so it is better not to get there.
 *
 * Once is no proof, and neither are several connections that an intake ended together because it
 * was restarted. So the second connection that ends after the same message must have been opened
 * after the first one ended. And what was learned is forgotten after an hour: an intake that was
 * busy for a minute must not cost a handshake for every message from then on.
 */
export class LearnedLimit {
  private limit = Infinity
  private learnedAt = 0
  private suspicion: { readonly messages: number; readonly at: number } | undefined

  constructor(private readonly clock: Clock) {}

  /** Messages over one connection; Infinity while nothing is known. */
  get messages(): number {
    if (this.clock.monotonic() - this.learnedAt > REMEMBERED_FOR) this.limit = Infinity
    return this.limit
  }

  /**
   * The intake ended a connection right after its `messages`-th message. `opened` and `now` are
   * moments of any clock that does not stand still between two events.
   */
  endedAfter(messages: number, opened: number, now: number): void {
    if (messages < 1 || messages >= this.messages) return
    if (this.suspicion?.messages !== messages) this.suspicion = { messages, at: now }
    else if (opened > this.suspicion.at) {
      this.limit = messages
      this.learnedAt = this.clock.monotonic()
    }
  }
}
