import type { Failure } from '../smtp/outcome'
import type { Appointment } from './appointments'
import type { Copy } from './copy'

/** A copy that this process has, and where it stands. */
export type Entry = {
  readonly copy: Copy
  readonly lastFailure?: Failure | undefined
} & Stage
type Stage =
  /** Written ahead; the original is still on its way. */
  | { at: 'prepared' }
  /** Until its time is over, or the courier has answered. */
  | ({ at: 'courier'; over?: 'expired' | 'dropped' } & Aging)
  /** Until its retry, or until its time is over if that is before it. */
  | ({ at: 'waiting' } & Aging)
  /** Not sent, and not aging, until it is released. */
  | { at: 'held' }
  | { at: 'finishing' }
  /** Ended, but its file cannot be removed: it must not be sent again when Haraka loads it again. */
  | { at: 'unremovable' }

/** Its time runs. A hundred thousand copies do: each has one appointment at a time. */
interface Aging {
  /** The end of its time, on the monotonic clock. */
  readonly expiresAt: number
  readonly until: Appointment<Copy>
}
