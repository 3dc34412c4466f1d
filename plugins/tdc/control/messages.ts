import type { Answers } from './processes'
import type { Answer } from './answer'
import type { Request } from './request'

/** Between master and workers; Haraka's own messages have an `event` too. */
export type Message =
  /** From a worker: ask all. */
  | { readonly event: 'tdc.gather'; readonly id: number; readonly request: Request }
  /** To a worker: what do you know? */
  | { readonly event: 'tdc.question'; readonly id: number; readonly request: Request }
  | { readonly event: 'tdc.answer'; readonly id: number; readonly answer: Answer }
  /** To the worker that asked for all. */
  | { readonly event: 'tdc.gathered'; readonly id: number; readonly answers: Answers }

const EVENTS: ReadonlySet<unknown> = new Set([
  'tdc.gather',
  'tdc.question',
  'tdc.answer',
  'tdc.gathered',
] satisfies Message['event'][])

/** One of ours: it was written by this plugin in another process, so no more is looked at. */
export function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && EVENTS.has((value as Message).event)
}
