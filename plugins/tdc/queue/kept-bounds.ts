import type { FailedSettings } from '../settings/settings'
import type { KeptCopy } from './kept-name'

export type KeepBounds = Pick<FailedSettings, 'keepNumber' | 'keepBytes' | 'keepAge'>

/** The bound that a kept copy is beyond, as tdc.ini calls it. */
export type Bound = 'keep_number' | 'keep_bytes' | 'keep_age'

/**
 * What is to be dropped of the copies `kept`, which come the oldest first; `bytes`: of all of them. From
 * the same copies every process finds the same ones, so that several may do it at a time: the one that
 * removes the file has dropped the copy.
 */
export function* beyondBounds(
  kept: readonly KeptCopy[],
  bytes: number,
  bounds: KeepBounds,
  now: number,
): Generator<{ readonly copy: KeptCopy; readonly bound: Bound }> {
  let number = kept.length
  for (const copy of kept) {
    const bound = boundOf(copy)
    if (bound === undefined) return
    yield { copy, bound }
    number -= 1
    bytes -= copy.bytes
  }

  function boundOf({ at }: KeptCopy): Bound | undefined {
    if (at + bounds.keepAge <= now) return 'keep_age'
    if (number > bounds.keepNumber) return 'keep_number'
    return bytes > bounds.keepBytes ? 'keep_bytes' : undefined
  }
}

/** The oldest first. */
export function byAge(a: KeptCopy, b: KeptCopy): number {
  return a.at - b.at || (a.mid < b.mid ? -1 : 1)
}
