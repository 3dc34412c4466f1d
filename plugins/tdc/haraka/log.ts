import type { LogSink } from '../monitor/monitor'
import type { HarakaPlugin } from './types'

/** Haraka's logger. Of the fields only `uuid` shows in the default format; JSON and logfmt have all. */
export function logTo(plugin: HarakaPlugin): LogSink {
  return (level, text, fields) => plugin[`log${level}`](text, fields)
}
