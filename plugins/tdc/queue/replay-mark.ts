import { replayedField } from '../journal/own-header'
import { type Cause, CAUSES } from './kept-name'

/**
 * That a copy is sent again after it was given up. It stands in the queue file's name, so that one
 * rename brings the copy back, marked, with nothing written and nothing to be undone.
 */
export interface ReplayMark {
  readonly cause: Cause
  /** When it was given up, and when it was replayed; milliseconds since 1970. */
  readonly givenUpAt: number
  readonly at: number
}

const TAG = /^replay-([0-9a-z]{1,10})-([0-9a-z]{1,10})-(\d)$/
const RADIX = 36

/** Letters, digits and dashes: the unique part of a queue file's name may hold no others. */
export function replayTag({ at, givenUpAt, cause }: ReplayMark): string {
  const moments = [at, givenUpAt].map((moment) => Math.max(0, Math.floor(moment)).toString(RADIX))
  return ['replay', ...moments, CAUSES.indexOf(cause)].join('-')
}

/** Undefined: not the name of a replayed copy. */
export function parseReplayTag(tag: string): ReplayMark | undefined {
  const [, at = '', givenUpAt = '', index] = TAG.exec(tag) ?? []
  const cause = CAUSES[Number(index)]
  if (cause === undefined) return undefined
  return { cause, at: Number.parseInt(at, RADIX), givenUpAt: Number.parseInt(givenUpAt, RADIX) }
}

/** What stands in front of the copy when it is sent. */
export function replayPreface({ cause, ...moments }: ReplayMark): Buffer {
  return replayedField({ ...moments, reason: cause })
}
