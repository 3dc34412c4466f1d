import type { KeepSettings } from '../settings/settings'
import type { KeptCopy } from './kept-name'

export type KeepBounds = Pick<KeepSettings, 'number' | 'bytes' | 'age'>

/** The bound that a kept copy is beyond. */
export type Bound = keyof KeepBounds

/**
 * What is to be dropped, the oldest first. From the same copies every process finds the same ones,
 * so that several may do it at a time: the one that removes the file has dropped the copy.
 */
export function beyondBounds(
  kept: readonly KeptCopy[],
  bounds: KeepBounds,
  now: number,
): { readonly copy: KeptCopy; readonly bound: Bound }[] {
  const dropped: { copy: KeptCopy; bound: Bound }[] = []
  let number = kept.length
  let bytes = kept.reduce((sum, copy) => sum + copy.bytes, 0)
  for (const copy of oldestFirst(kept)) {
    const bound = boundOf(copy)
    if (bound === undefined) break
    dropped.push({ copy, bound })
    number -= 1
    bytes -= copy.bytes
  }
  return dropped

  function boundOf({ at }: KeptCopy): Bound | undefined {
    if (at + bounds.age <= now) return 'age'
    if (number > bounds.number) return 'number'
    return bytes > bounds.bytes ? 'bytes' : undefined
  }
}

export function oldestFirst(kept: readonly KeptCopy[]): KeptCopy[] {
  return kept.toSorted((a, b) => a.at - b.at || (a.mid < b.mid ? -1 : 1))
}
