import { safeText } from '../base/text'
import { EVENTS } from './event-table'
import type { LogLevel, Row, TdcEvent } from './events'

export interface WordedLine {
  readonly level: LogLevel
  readonly text: string
}

/** By an event's kind, which says which row is its own. */
export function rowOf(event: TdcEvent): Row<TdcEvent> {
  return EVENTS[event.kind] as Row<TdcEvent>
}

/** The lines of one event, in order; `service` is `service_name`. */
export function linesOf(event: TdcEvent, service: string): WordedLine[] {
  const { level = 'info', details } = rowOf(event)
  const lines = wordsOf(event, service).map((text): WordedLine => ({ level, text }))
  return details ? [...lines, { level: 'debug', text: details(event) }] : lines
}

function wordsOf(event: TdcEvent, service: string): readonly string[] {
  const words = rowOf(event).words(event, safeText(service))
  return typeof words === 'string' ? [words] : words
}

/** What the last line of an event says beside its text in the structured log formats. */
export function fieldsOf(event: TdcEvent): Record<string, unknown> {
  return rowOf(event).fields?.(event) ?? {}
}

/** What stands in Haraka's own prefix, so that a search for the transaction finds the line. */
export function uuidOf(event: TdcEvent): string {
  if ('mid' in event) return event.mid
  if ('transaction' in event) return event.transaction
  return '-'
}

/** One step of a message in tracking: its line, without what every line has. */
export function trackText(event: TdcEvent, service: string): string {
  const { track } = rowOf(event)
  if (track) return track(event)
  const [first = ''] = wordsOf(event, service)
  return first.replace(/^TDC: /, '')
}
