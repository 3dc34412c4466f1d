import { isIP } from 'node:net'
import { asciiDomain, domainOrLiteral, parseMailbox } from './address'
import { isSafe } from '../base/text'

/** What may stand behind a key. */
export interface Kind<T> {
  /** `must be ...`: the end of the sentence that refuses a value. */
  readonly must: string
  /** `many`: several `key[]=` lines or one line with commas; `one`: a single value. */
  readonly takes: 'one' | 'many'
  /** Never repeated in a sentence: a refused password would stand in the log. */
  readonly secret?: true
  /** The value that non-empty texts stand for; undefined when they stand for none. */
  read(items: readonly string[]): { readonly value: T } | undefined
}

/** One key of tdc.ini. Reading, the file in config/ and its test are all driven by this table. */
export interface Key<T> {
  readonly kind: Kind<T>
  /** The default as it stands in tdc.ini; '' is "not set". */
  readonly text: string
  readonly fallback: T
  /** The comment above the key in tdc.ini. */
  readonly meaning: string
}

export type Keys = Readonly<Record<string, Key<unknown>>>

export function key<T>(kind: Kind<T>, text: string, meaning: string): Key<T> {
  const read = kind.read([text])
  if (read === undefined) throw new Error(`default ${text} ${kind.must}`)
  return { kind, text, fallback: read.value, meaning }
}

/** A key that may stay unset: then it is undefined. */
export function unset<T>(kind: Kind<T>, meaning: string): Key<T | undefined> {
  return { kind, text: '', fallback: undefined, meaning }
}

/** A key that may stay unset, with what that stands for. */
export function unsetAs<T>(fallback: T, kind: Kind<T>, meaning: string): Key<T> {
  return { kind, text: '', fallback, meaning }
}

const MS_PER_SECOND = 1000
const PORT_MAX = 65535
const DNS_PORT = 53
/** Longest name or label that goes into a log line or a header of the report. */
const TEXT_MAX = 100
/** RFC 5322 2.1.1: a line has at most 998 characters; `From: ` takes six. */
const FROM_MAX = 998 - 6
const PRINTABLE = /^[\x20-\x7e]+$/
const SHA256_OCTETS = 32
const PIN = /^(?:sha256\/\/([A-Za-z0-9+/]{43}=)|([0-9A-Fa-f]{64}))$/
/** RFC 5322 2.2: printable ASCII without the colon. The length is ours: the line must hold an IP too. */
const FIELD_NAME = /^[\x21-\x39\x3b-\x7e]{1,76}$/
/** RFC 5322 3.2.3 atext, 3.2.4 quoted-string, 3.2.5 phrase. */
const WORD = `(?:[A-Za-z0-9!#$%&'*+/=?^_\`{|}~-]+|"(?:[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\x20-\\x7e])*")`
const NAMED_FROM = new RegExp(`^(?:${WORD}(?: +${WORD})*)? *<([^<>]+)>$`)

/** Header fields that carry the message itself: the copy could not do without them. */
const NEEDED_FIELDS = new Set(
  `from sender to cc bcc subject date message-id received return-path mime-version content-type
  content-transfer-encoding content-disposition dkim-signature arc-seal arc-message-signature
  arc-authentication-results authentication-results in-reply-to references reply-to`.split(/\s+/),
)

function one<T>(must: string, read: (text: string) => T | undefined): Kind<T> {
  return {
    must,
    takes: 'one',
    read: ([text = '']) => {
      const value = read(text)
      return value === undefined ? undefined : { value }
    },
  }
}

function inRange(text: string, min: number, max: number): number | undefined {
  if (!/^\d{1,9}$/.test(text)) return undefined
  const number = Number(text)
  return number >= min && number <= max ? number : undefined
}

/** The words that Haraka takes for true in its own files, and their opposites. */
export const yesNo = one('must be true or false', (text) => {
  if (/^(?:true|yes|on|enabled|ok|1)$/i.test(text)) return true
  return /^(?:false|no|off|disabled|0)$/i.test(text) ? false : undefined
})

export function wholeNumber(min: number, max: number): Kind<number> {
  return one(`must be a whole number from ${min} to ${max}`, (text) => inRange(text, min, max))
}

/** Seconds in the file, milliseconds in the settings. */
export function seconds(min: number, max: number): Kind<number> {
  return one(`must be a number of seconds from ${min} to ${max}`, (text) => {
    const number = inRange(text, min, max)
    return number === undefined ? undefined : number * MS_PER_SECOND
  })
}

const BYTES_PER_UNIT: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }

/** `100M`; the units are powers of 1024, as `df` and `du` count. */
export const bytes = one(
  'must be a number of at most 9 digits: bytes, or K, M or G as 100M',
  (text) => {
    const [, digits, unit = ''] = /^(\d{1,9})([kmg]?)b?$/i.exec(text) ?? []
    if (digits === undefined) return undefined
    return Number(digits) * (BYTES_PER_UNIT[unit.toLowerCase()] ?? 1)
  },
)

export const port = wholeNumber(1, PORT_MAX)

export function choice<T extends string>(...choices: readonly T[]): Kind<T> {
  const last = choices.at(-1) ?? ''
  return one(`must be ${choices.slice(0, -1).join(', ')} or ${last}`, (text) =>
    choices.find((name) => name.toLowerCase() === text.toLowerCase()),
  )
}

/** Text for people: any script, no control characters. */
export const label = one(`must be text of at most ${TEXT_MAX} characters`, (text) =>
  text.length <= TEXT_MAX && isSafe(text) ? text : undefined,
)

/** What may begin the name of a key in Redis, where a colon divides. */
export const keyPrefix = one('must be 1 to 32 letters, digits, dots, colons, - or _', (text) =>
  /^[\w.:-]{1,32}$/.test(text) ? text : undefined,
)

export const filePath = one('must be the name of a file', (text) =>
  isSafe(text) ? text : undefined,
)

/** Haraka throws at a name that leads out of config/. */
export const listFile = one('must be the name of a file in config/, or a whole path', (text) =>
  isSafe(text) && !text.split(/[\\/]/).includes('..') ? text : undefined,
)

export const anyText = one('must be text', (text) => text)

export const list: Kind<readonly string[]> = {
  must: 'must be a list',
  takes: 'many',
  read: (items) => ({ value: items }),
}

export const hostName = one('must be a host name', asciiDomain)

export const helloName = one('must be a host name or an address literal', domainOrLiteral)

export const ipAddress = one('must be an IP address', (text) => (isIP(text) ? text : undefined))

export const reversePath = one('must be an address user@domain, or <> for none', (text) =>
  text === '<>' ? '' : parseMailbox(text)?.address,
)

/** `host:port`, `192.0.2.1:25` or `[2001:db8::1]:25`. */
export const route = one(
  `must be host:port, the port from 1 to ${PORT_MAX}, an IPv6 address in brackets`,
  (text) => {
    const parts = /^(?:\[([0-9a-f:.]+)\]|([^[\]:]+)):(\d+)$/i.exec(text)
    const [, v6, name = '', digits = ''] = parts ?? []
    const host = v6 ?? (isIP(name) ? name : asciiDomain(name))
    const number = inRange(digits, 1, PORT_MAX)
    if (host === undefined || number === undefined) return undefined
    return v6 !== undefined && isIP(v6) !== 6 ? undefined : { host, port: number }
  },
)

/** `192.0.2.1`, `192.0.2.1:53` or `[2001:db8::1]:53`; an IPv6 address alone needs no brackets. */
export const dnsServer = one(
  'must be an IP address, or address:port with an IPv6 address in brackets',
  (text) => {
    if (isIP(text)) return { address: text, port: DNS_PORT }
    const place = route.read([text])?.value
    return place && isIP(place.host) ? { address: place.host, port: place.port } : undefined
  },
)

/** From of the report: `user@domain`, or a name before `<user@domain>`. */
export const fromHeader = one(
  'must be, in ASCII, user@domain or a name (in quotes unless it is of plain words) and <user@domain>',
  (text) => {
    if (text.length > FROM_MAX || !PRINTABLE.test(text)) return undefined
    return parseMailbox(NAMED_FROM.exec(text)?.[1] ?? text) && text
  },
)

/** Ours: shorter ones can be guessed, longer ones do not fit a header comfortably. */
const TOKEN_MIN = 16
const TOKEN_MAX = 200
const TOKEN = new RegExp(`^[\\x21-\\x7e]{${TOKEN_MIN},${TOKEN_MAX}}$`)
/** What haraka-config reads as a number, and so not as it was written. */
const NUMBER = /^[-+.\de]+$/i

/** A password for programs and people (RFC 6750 section 2.1 allows fewer characters in a header). */
export const token: Kind<string> = {
  ...one(
    `must be ${TOKEN_MIN} to ${TOKEN_MAX} printable ASCII characters without spaces, not only digits`,
    (text) => (TOKEN.test(text) && !NUMBER.test(text) ? text : undefined),
  ),
  secret: true,
}

export const variableName = one('must be the name of an environment variable', (text) =>
  /^[A-Za-z_]\w{0,99}$/.test(text) ? text : undefined,
)

/** RFC 3986 section 3.3, of unreserved characters (section 2.3) only. */
export const urlPath = one(
  'must begin with / and be of letters, digits, - . _ ~ and single slashes, such as /tdc',
  (text) => (/^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+){1,10}$/.test(text) ? text : undefined),
)

/** RFC 5233 section 1: the characters of RFC 5322 3.2.3 that separate the user from a detail. */
export const delimiters = one('must be characters of !#$&*+-./=?^_`|~, or off', (text) => {
  if (text.toLowerCase() === 'off') return ''
  return /^[!#$&*+\-./=?^_`|~]{1,16}$/.test(text) ? text : undefined
})

/** Value of a header of the report; `empty` stands for the empty value. */
export const markerText = one(
  `must be printable ASCII of at most ${TEXT_MAX} characters, or the word empty`,
  (text) => {
    if (!PRINTABLE.test(text) || text.length > TEXT_MAX) return undefined
    return text.toLowerCase() === 'empty' ? '' : text
  },
)

/** A header field's name; `off` stands for none. */
export const fieldName: Kind<string | undefined> = {
  must: 'must be the name of a header field that the message itself does not need, or off',
  takes: 'one',
  read: ([text = '']) => {
    if (text.toLowerCase() === 'off') return { value: undefined }
    return FIELD_NAME.test(text) && !NEEDED_FIELDS.has(text.toLowerCase())
      ? { value: text }
      : undefined
  },
}

/** `sha256//` and base64, as curl's --pinnedpubkey has it, or 64 hex digits; given as base64. */
export const keyPins: Kind<readonly string[]> = {
  must: 'must be sha256// and 44 characters of base64, or 64 hex digits',
  takes: 'many',
  // curl puts ";" between several.
  read: (items) =>
    every(
      items.flatMap((item) => item.split(';')),
      keyPin,
    ),
}

/** Host names, or `*.` before one. */
export const hostPatterns: Kind<readonly string[]> = {
  must: 'must be host names, or *. and a host name',
  takes: 'many',
  read: (items) => every(items, hostPattern),
}

function every<T>(
  items: readonly string[],
  read: (item: string) => T | undefined,
): { readonly value: readonly T[] } | undefined {
  const values = items.map(read).filter((value) => value !== undefined)
  return values.length === items.length ? { value: values } : undefined
}

function keyPin(text: string): string | undefined {
  const [, base64, hex] = PIN.exec(text.trim()) ?? []
  const octets = Buffer.from(base64 ?? hex ?? '', hex === undefined ? 'base64' : 'hex')
  return octets.length === SHA256_OCTETS ? octets.toString('base64') : undefined
}

function hostPattern(text: string): string | undefined {
  const wildcard = text.startsWith('*.') ? '*.' : ''
  const name = asciiDomain(text.slice(wildcard.length))
  return name === undefined ? undefined : wildcard + name
}
