import type { Timer } from '../clock'
import type { Failure } from '../delivery/outcome'
import type { Copy } from './copy'

/** A copy that this process has, and where it stands. */
export type Entry = { readonly copy: Copy; readonly lastFailure?: Failure | undefined } & Stage
type Stage =
  /** Written ahead; the original is still on its way. */
  | { at: 'prepared' }
  | { at: 'courier'; expiry: Timer; over?: 'expired' | 'dropped' }
  | { at: 'waiting'; expiry: Timer; retry: Timer }
  /** Not sent, and not aging, until it is released. */
  | { at: 'held' }
  | { at: 'finishing' }
  /** Ended, but its file cannot be removed: it must not be sent again when Haraka loads it again. */
  | { at: 'unremovable' }
