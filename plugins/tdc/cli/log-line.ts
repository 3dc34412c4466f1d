/** One line of Haraka's log. */
export interface LogLine {
  /** What stood before Haraka's own part, or in it: the time, if the log has one. */
  readonly time: string
  readonly uuid: string
  /** The plugin, or a part of Haraka. */
  readonly origin: string
  readonly text: string
}

/** `[INFO] [UUID.1] [tdc] text`, behind whatever syslog or Haraka's timestamps put in front. */
const DEFAULT_FORMAT = /^(.*?)\[[A-Z]+\] \[([^\]]*)\] \[([^\]]*)\] (.*)$/

/** Of the values in logfmt: quoted when they hold blanks. */
const LOGFMT_FIELD = /(\w+)=("(?:[^"\\]|\\.)*"|\S*)/g

/** A line in any of Haraka's formats (log.ini format); undefined: it is none. */
export function parseLogLine(line: string): LogLine | undefined {
  const [, time = '', uuid = '', origin = '', text = ''] = DEFAULT_FORMAT.exec(line) ?? []
  if (origin) return { time: time.trim(), uuid, origin, text }
  const json = line.indexOf('{')
  return (json < 0 ? undefined : parseJson(line, json)) ?? parseLogfmt(line)
}

function parseJson(line: string, at: number): LogLine | undefined {
  try {
    const fields = JSON.parse(line.slice(at)) as Record<string, unknown>
    return fieldsLine(line.slice(0, at), fields)
  } catch {
    return undefined
  }
}

function parseLogfmt(line: string): LogLine | undefined {
  const at = line.indexOf('level=')
  if (at < 0) return undefined
  const fields: Record<string, unknown> = {}
  for (const [, name = '', value = ''] of line.slice(at).matchAll(LOGFMT_FIELD)) {
    fields[name] = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
  }
  return fieldsLine(line.slice(0, at), fields)
}

function fieldsLine(before: string, fields: Record<string, unknown>): LogLine | undefined {
  const { uuid, origin, message, timestamp } = fields
  if (typeof uuid !== 'string' || typeof origin !== 'string' || typeof message !== 'string') {
    return undefined
  }
  const time = before.trim() || (typeof timestamp === 'string' ? timestamp : '')
  return { time, uuid, origin, text: message }
}
