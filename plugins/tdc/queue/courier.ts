import type { Outcome } from '../smtp/outcome'
import type { Outgoing } from '../smtp/outgoing'

/** Where copies are handed to for delivery: the pool of their intake's domain. */
export interface Courier {
  submit(message: Outgoing, settle: (outcome: Outcome, message: Outgoing) => void): void
  abort(message: Outgoing): void
  /** Takes a message back that still waits, without an outcome; false: it is on its way. */
  recall(message: Outgoing): boolean
}
