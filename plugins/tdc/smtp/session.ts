import type { Fault } from './fault'
import type { Failure, Outcome } from './outcome'
import type { Outgoing } from './outgoing'

/**
 * One connection to an intake after STARTTLS and the second EHLO: it can take messages. The pool
 * knows sessions only through this interface, so it is tested without sockets.
 */
export interface Session {
  /** Destination connection id, an integer unique among the workers of a machine. */
  readonly dcid: number
  /** Address of the intake's host. */
  readonly remote: string
  /** The extensions of SMTP that the intake offers and this client uses, for people. */
  readonly offers: readonly string[]
  /** The intake closed the connection, or said 421; false also after `destroy` and our own decisions. */
  readonly endedByIntake: boolean
  /** How many messages may be on the way at a time; 1 where the intake offers no CHUNKING. */
  readonly window: number
  /**
   * Sends one message. Resolves exactly once, never rejects. A message that the intake may have is
   * charged when the connection is lost; one that it cannot have is not (spec 5.4).
   */
  send(message: Outgoing): Promise<SendResult>
  /** Says QUIT and closes; for an idle session. */
  quit(): void
  /** Closes at once; a message on its way ends as `aborted`. */
  destroy(): void
  /** Called once when the connection is gone, whoever closed it. */
  onClose(listener: () => void): void
}

export interface SendResult {
  readonly outcome: Outcome
  /** Whose fault it is that it was not delivered. */
  readonly fault: Fault
  /** The session can take another message. */
  readonly reusable: boolean
}

export type Opened =
  /** `addresses`: how many the intake has, this one among them. */
  | { kind: 'open'; session: Session; addresses: number }
  | { kind: 'failed'; dcid: number; failure: Failure }

/**
 * Opens one connection to the intake's hosts: MX look-up, TCP, EHLO, STARTTLS, EHLO, trying hosts
 * and addresses in their order. Never rejects. `signal` gives up; `greeted` hears that a host has
 * greeted, so that the connection is in no queue of that host any more.
 */
export type SessionMaker = (signal: AbortSignal, greeted?: () => void) => Promise<Opened>
