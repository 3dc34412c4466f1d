/** What an intake said it can do, in its reply to EHLO. */
export interface Capabilities {
  readonly starttls: boolean
  /** Most octets of a message (RFC 1870), 0 for no fixed limit; undefined: SIZE was not offered. */
  readonly size?: number
  readonly eightBitMime: boolean
  readonly smtputf8: boolean
  readonly pipelining: boolean
  readonly chunking: boolean
}

/** Reads the lines of an EHLO reply: the first is the greeting, each other one keyword. */
export function capabilitiesOf(lines: readonly string[]): Capabilities {
  const keywords = new Map<string, string>()
  for (const line of lines.slice(1)) {
    const [keyword = '', parameter = ''] = line.trim().split(' ', 2)
    keywords.set(keyword.toUpperCase(), parameter)
  }
  const size = sizeLimit(keywords.get('SIZE'))
  return {
    starttls: keywords.has('STARTTLS'),
    ...(size === undefined ? {} : { size }),
    eightBitMime: keywords.has('8BITMIME'),
    smtputf8: keywords.has('SMTPUTF8'),
    pipelining: keywords.has('PIPELINING'),
    chunking: keywords.has('CHUNKING'),
  }
}

/** The same as an EHLO reply writes it. */
export function offersIn(capabilities: Capabilities): string[] {
  const { pipelining, chunking, eightBitMime, smtputf8, size } = capabilities
  return [
    ...(pipelining ? ['PIPELINING'] : []),
    ...(chunking ? ['CHUNKING'] : []),
    ...(eightBitMime ? ['8BITMIME'] : []),
    ...(smtputf8 ? ['SMTPUTF8'] : []),
    ...(size === undefined ? [] : [size > 0 ? `SIZE ${size}` : 'SIZE']),
  ]
}

/** RFC 1870 section 4: no value or 0 means that there is no fixed limit. */
function sizeLimit(parameter: string | undefined): number | undefined {
  if (parameter === undefined) return undefined
  return /^\d{1,20}$/.test(parameter) ? Number(parameter) : 0
}
