import { Counters } from './counters'
import type { TdcEvent } from './events'
import { linesOf, type Level } from './lines'

/** Writes one line; `fields` go along for the structured log formats. */
export type LogSink = (level: Level, text: string, fields: Record<string, unknown>) => void

/** Takes every event of the connector: writes its lines and counts it. */
export class Monitor {
  readonly counters = new Counters()
  private readonly log: LogSink
  private readonly serviceName: () => string

  constructor(log: LogSink, serviceName: () => string) {
    this.log = log
    this.serviceName = serviceName
  }

  readonly report = (event: TdcEvent): void => {
    this.counters.count(event)
    const fields = { uuid: uuidOf(event) }
    for (const { level, text } of linesOf(event, this.serviceName())) {
      this.log(level, text, fields)
    }
  }
}

/** What stands in Haraka's own prefix, so that a search for the transaction finds the line. */
function uuidOf(event: TdcEvent): string {
  if ('mid' in event) return event.mid
  if ('transaction' in event) return event.transaction
  return '-'
}
