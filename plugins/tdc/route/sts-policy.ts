import { LIMITS, bounded } from '../base/text'
import { trimBlanks } from './blanks'

/** How the owner of a domain wants its mail delivered (RFC 8461 section 3.2). */
export interface StsPolicy {
  readonly mode: StsMode
  /** Patterns of its MX hosts, as host-pattern.ts has them; empty in mode none alone. */
  readonly mx: readonly string[]
  /** Milliseconds that it may be kept. */
  readonly maxAge: number
}

export type StsMode = (typeof MODES)[number]

export type ParsedPolicy = { kind: 'policy'; policy: StsPolicy } | { kind: 'invalid'; why: string }

const MODES = ['enforce', 'testing', 'none'] as const

/** RFC 8461 section 3.2: seconds, about a year. */
const MAX_AGE_MAX = 31_557_600

/** RFC 8461 section 3.2, sts-policy-ext-name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/
/** sts-policy-ext-value: printable, and UTF-8 beyond ASCII; the decoder marks what is not. */
const VALUE = /^[^\u0000-\u001f\u007f\ufffd]*$/
const DIGITS = /^\d{1,10}$/
/** Domain of RFC 5321 section 4.1.2, with an optional wildcard. */
const PATTERN = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/
/** RFC 1035 section 2.3.4. */
const NAME_MAX = 253

/**
 * Reads a policy file by the grammar of RFC 8461 section 3.2. Fields that it does not know, and all
 * but the first of those that stand twice, are passed over; so are empty lines, with which many
 * files end.
 */
export function parseStsPolicy(text: string): ParsedPolicy {
  const fields = new Map<string, string>()
  const mx: string[] = []
  for (const line of linesOf(text)) {
    const field = fieldOf(line)
    if (!field) return invalid('a line is no field')
    const [name, value] = field
    if (name === 'mx') mx.push(bounded(value, LIMITS.domain).toLowerCase())
    else if (!fields.has(name)) fields.set(name, value)
  }
  if (fields.get('version') !== 'STSv1') return invalid('the version is not STSv1')
  const mode = MODES.find((each) => each === fields.get('mode'))
  if (mode === undefined) return invalid('the mode is not enforce, testing or none')
  const maxAge = fields.get('max_age') ?? ''
  if (!DIGITS.test(maxAge)) return invalid('max_age is not a number of seconds')
  if (!mx.every((pattern) => pattern.length <= NAME_MAX && PATTERN.test(pattern))) {
    return invalid('an mx is no host name')
  }
  if (mx.length === 0 && mode !== 'none') return invalid('there is no mx')
  const seconds = Math.min(Number(maxAge), MAX_AGE_MAX)
  return { kind: 'policy', policy: { mode, mx, maxAge: seconds * 1000 } }
}

/** sts-policy-term is LF or CRLF; blanks may stand before it. */
function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
    .filter((line) => trimBlanks(line) !== '')
}

function fieldOf(line: string): readonly [name: string, value: string] | undefined {
  const colon = line.indexOf(':')
  const name = line.slice(0, Math.max(0, colon))
  if (!NAME.test(name)) return undefined
  const value = trimBlanks(line.slice(colon + 1))
  return VALUE.test(value) ? [name, value] : undefined
}

function invalid(why: string): ParsedPolicy {
  return { kind: 'invalid', why }
}
