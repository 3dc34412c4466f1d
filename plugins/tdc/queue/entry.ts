import type { Failure } from '../delivery/outcome'
import type { Appointment } from './appointments'
import type { Copy } from './copy'

/** A copy that this process has, and where it stands. */
export type Entry = {
  readonly copy: Copy
  readonly lastFailure?: Failure | undefined
  /** As the census counted it in. */
  grain?: number
} & Stage
type Stage =
  /** Written ahead; the original is still on its way. */
  | { at: 'prepared' }
  | { at: 'courier'; expiry: Appointment<Copy>; over?: 'expired' | 'dropped' }
  | { at: 'waiting'; expiry: Appointment<Copy>; retry: Appointment<Copy> }
  /** Not sent, and not aging, until it is released. */
  | { at: 'held' }
  | { at: 'finishing' }
  /** Ended, but its file cannot be removed: it must not be sent again when Haraka loads it again. */
  | { at: 'unremovable' }
