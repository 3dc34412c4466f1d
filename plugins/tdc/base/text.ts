/**
 * Longest text of each kind that is taken from outside, in octets of UTF-8. What is longer is cut
 * where it enters (`bounded`), so that nobody decides how much memory is kept for their mail, their
 * replies or their files. SECURITY.md lists them.
 */
export const LIMITS = {
  /** A value in a line of the log, or in what is told of a message (spec 6). */
  value: 256,
  /** local-part @ domain (RFC 5321 sections 4.5.3.1.1 and 4.5.3.1.2). */
  address: 64 + 1 + 255,
  /** One that goes out again as it came: of a command line, which Haraka bounds to 512 by default. */
  path: 1_000,
  /** RFC 5321 section 4.5.3.1.2. */
  domain: 255,
  /** A header value: a line of 998 octets (RFC 5322 section 2.1.1) in the widest encoding. */
  header: 4096,
  /** All lines of a reply. One line has 512 octets (RFC 5321 section 4.5.3.1.5). */
  reply: 512,
  /** Names in a certificate, of its issuer or its subject. */
  certificate: 512,
  /** A sentence about what went wrong, a foreign error's text in it. */
  sentence: 1024,
} as const

/** Octets of the text that `bounded` has in hand: nothing is allocated for what is thrown away. */
const room = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * At most so many octets of UTF-8, never half a character, and a string of its own. V8 makes a piece
 * of a text by pointing into it: a piece of ten characters keeps a message of megabytes in memory.
 */
export function bounded(text: string, octets: number): string {
  const space = octets > room.length ? Buffer.allocUnsafe(octets) : room
  // No character has less than an octet.
  const written = space.write(text.slice(0, octets), 0, octets)
  return space.toString('utf8', 0, written)
}

/**
 * What could end a line, move a terminal's cursor or turn text around: C0, DEL, C1, halves of surrogate
 * pairs, the line and paragraph separators, the byte order mark, and the bidirectional controls
 * (Unicode TR 36, section 2.9). Haraka's own logger takes out CR and LF only.
 */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_C}\ufeff]/gu

/** Whether a text can stand in a line as it is. */
export function isSafe(text: string): boolean {
  return text.search(UNSAFE) < 0
}

/** The same with a sign in place of each character that would act. */
export function withoutUnsafe(text: string, sign = ' '): string {
  return text.replace(UNSAFE, sign)
}

/** JSON for people and programs: what would act on a terminal stands there as an escape. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNSAFE, (sign) =>
    sign === '\n' ? sign : `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The same of ASCII that is short enough. */
function ownText(text: string): string {
  return room.toString('latin1', 0, room.write(text, 0, 'latin1'))
}

/** Printable ASCII without blanks around it, as most of it is: there is nothing to take out. */
const PLAIN = /^[!-~](?:[ -~]*[!-~])?$/

/** A text from outside fit for a line: one line, nothing that acts, at most so many octets. */
export function safeCut(text: string, octets: number): string {
  if (text.length <= octets && PLAIN.test(text)) return ownText(text)
  return bounded(withoutUnsafe(text.slice(0, LIMITS.header)).trim(), octets).trimEnd()
}

/** The same for a value in the log, or for people. */
export function safeText(text: string): string {
  return safeCut(text, LIMITS.value)
}

/** `<text>` without its brackets; other text as it is. */
export function withoutBrackets(text: string): string {
  return text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text
}
