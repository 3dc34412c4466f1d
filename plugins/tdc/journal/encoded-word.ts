import { decodeOctets, isCharset } from './charset'

/**
 * An encoded word as senders write it; spaces and question marks inside are tolerated (RFC 2047 2
 * forbids them).
 */
const WORD = /=\?([^?\s]{1,60})\?([bq])\?((?:(?!\?=|=\?[^?\s]{1,60}\?[bq]\?)[^])*)\?=/gi

/** Longest encoded word, and longest header line with one in it (RFC 2047 2). */
const WORD_LIMIT = 75
export const ENCODED_LINE_LIMIT = 76

/** Octets of an encoded word beside its text. */
const FRAME = '=?utf-8?B??='.length

interface Word {
  readonly raw: string
  readonly charset: string
  readonly octets: Buffer
}

/** Text with its encoded words decoded; a word that cannot be decoded stays as it is. */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text
  let decoded = ''
  let end = 0
  let run: Word[] = []
  for (const match of text.matchAll(WORD)) {
    const word = readWord(match)
    if (word === undefined) continue
    const between = text.slice(end, match.index)
    if (run.length === 0 || between.trim() !== '') {
      decoded += decodeRun(run) + between
      run = []
    }
    run.push(word)
    end = match.index + match[0].length
  }
  return decoded + decodeRun(run) + text.slice(end)
}

/**
 * The text as encoded words in UTF-8, each with a space before it. `column` is where the first one
 * starts; `most` bounds their number. GMime takes adjacent words for one run of base64 and ends it at
 * the first padding, so no B word but the last has one: it ends at a character and at a multiple of
 * three octets, and where there is no such place a character goes in a Q word of its own.
 */
export function encodeWords(text: string, column: number, most = Infinity): string[] {
  const words: string[] = []
  let rest = Buffer.from(text)
  while (words.length === 0 || (rest.length > 0 && words.length < most)) {
    const room = roomAfter(words.length === 0 ? column : 1)
    const end = rest.length <= room ? rest.length : unpaddedEnd(rest, room)
    const octets = rest.subarray(0, end > 0 ? end : nextCharacter(rest, 1))
    words.push(end > 0 || rest.length === 0 ? bWord(octets) : qWord(octets))
    rest = rest.subarray(octets.length)
  }
  return words
}

/** Octets that a B word starting there may carry: three for every four characters. */
function roomAfter(column: number): number {
  const length = Math.min(WORD_LIMIT, ENCODED_LINE_LIMIT - column)
  return Math.floor((length - FRAME) / 4) * 3
}

/** The last place up to `room` that is a multiple of three and begins a character; 0: none. */
function unpaddedEnd(octets: Buffer, room: number): number {
  let end = room - (room % 3)
  while (end > 0 && nextCharacter(octets, end) !== end) end -= 3
  return end
}

/** Where a character begins, from there on (RFC 3629 3: its further octets begin with the bits 10). */
function nextCharacter(octets: Buffer, from: number): number {
  let at = from
  while (at < octets.length && ((octets[at] as number) & 0xc0) === 0x80) at++
  return at
}

function bWord(octets: Buffer): string {
  return ` =?utf-8?B?${octets.toString('base64')}?=`
}

function qWord(octets: Buffer): string {
  const text = octets.toString('hex').toUpperCase().replace(/../g, '=$&')
  return ` =?utf-8?Q?${text}?=`
}

function readWord(match: RegExpMatchArray): Word | undefined {
  const [raw, label = '', encoding = '', text = ''] = match
  // RFC 2231 5: a language may follow the charset after an asterisk.
  const charset = label.replace(/\*.*/, '').toLowerCase()
  const octets = encoding.toLowerCase() === 'b' ? readB(text) : readQ(text)
  if (octets === undefined || !isCharset(charset)) return undefined
  return { raw, charset, octets }
}

/** A fold inside is passed over, and so is padding where more follows: some senders join pieces. */
function readB(text: string): Buffer | undefined {
  const pieces = text.replace(/\s/g, '').split(/=+/)
  const isWhole = (piece: string) => /^[A-Za-z0-9+/]*$/.test(piece) && piece.length % 4 !== 1
  if (!pieces.every(isWhole)) return undefined
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64')))
}

/** Raw UTF-8 inside is what the sender's octets were. */
function readQ(text: string): Buffer | undefined {
  if (!/^(?:[^=\0-\x1f]|=[0-9A-Fa-f]{2})*$/.test(text)) return undefined
  const plain = Buffer.from(text.replace(/_/g, ' ')).toString('latin1')
  const octets = plain.replace(/=(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(octets, 'latin1')
}

/** White space between encoded words is not shown, and a character may be split over two of them. */
function decodeRun(run: readonly Word[]): string {
  const groups: Word[][] = []
  for (const word of run) {
    const last = groups.at(-1)
    if (last?.[0]?.charset === word.charset) last.push(word)
    else groups.push([word])
  }
  return groups.map(decodeGroup).join('')
}

/** Words of one charset: their octets together, or as many together as can be decoded. */
function decodeGroup(words: readonly Word[]): string {
  let decoded = ''
  for (let at = 0; at < words.length;) {
    const { text, next } = decodeSome(words, at)
    const word = words[at] as Word
    // What stays a word is set apart from what stands beside it.
    decoded += text ?? `${at > 0 ? ' ' : ''}${word.raw}${at < words.length - 1 ? ' ' : ''}`
    at = next
  }
  return decoded
}

/** Words that are tried together, where not all can be: a character is not split over more. */
const SPLIT_OVER = 4

function decodeSome(words: readonly Word[], at: number): { text?: string; next: number } {
  const ends = [words.length, ...Array.from({ length: SPLIT_OVER }, (_, i) => at + i + 1)]
  for (const next of ends.filter((end) => end <= words.length)) {
    const some = words.slice(at, next)
    const text = decodeOctets(some[0]?.charset ?? '', Buffer.concat(some.map((w) => w.octets)))
    if (text !== undefined) return { text, next }
  }
  return { next: at + 1 }
}
