import { TextDecoder } from 'node:util'

/** An encoded word as senders write it; spaces inside are tolerated (RFC 2047 2 forbids them). */
const WORD = /=\?([^?\s]{1,60})\?([bq])\?([^?]*)\?=/gi

/** An encoded word as RFC 2047 2 has it. */
const STRICT_WORD = /^=\?[^?\s]+\?[bq]\?[!->@-~]+\?=$/i

/** Longest encoded word, and longest header line with one in it (RFC 2047 2). */
const WORD_LIMIT = 75
export const ENCODED_LINE_LIMIT = 76

const OPENING = '=?utf-8?B?'
const CLOSING = '?='

interface Word {
  readonly raw: string
  readonly charset: string
  readonly octets: Buffer
}

/** Text with its encoded words decoded; a word that cannot be decoded stays as it is. */
export function decodeWords(text: string): string {
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

/** A word that every reader takes, that stands for itself and decodes alone. */
export function isSoundWord(token: string): boolean {
  if (token.length > WORD_LIMIT || !STRICT_WORD.test(token)) return false
  return decodeWords(token) !== token
}

/**
 * The text as B-encoded words, each with a space before it. `column` is where the first one
 * starts; `most` bounds their number.
 */
export function encodeWords(text: string, column: number, most = Infinity): string[] {
  const words: string[] = []
  let word = ''
  let room = roomAfter(column)
  for (const character of text) {
    if (Buffer.byteLength(word + character) > room) {
      words.push(encodeWord(word))
      if (words.length >= most) return words
      word = ''
      room = roomAfter(1)
    }
    word += character
  }
  words.push(encodeWord(word))
  return words
}

/** Octets that a word starting there may carry: three for every four characters of base64. */
function roomAfter(column: number): number {
  const length = Math.min(WORD_LIMIT, ENCODED_LINE_LIMIT - column)
  return Math.floor((length - OPENING.length - CLOSING.length) / 4) * 3
}

function encodeWord(text: string): string {
  return ` ${OPENING}${Buffer.from(text).toString('base64')}${CLOSING}`
}

function readWord(match: RegExpMatchArray): Word | undefined {
  const [raw, label = '', encoding = '', text = ''] = match
  // RFC 2231 5: a language may follow the charset after an asterisk.
  const charset = label.replace(/\*.*/, '').toLowerCase()
  const octets = encoding.toLowerCase() === 'b' ? readB(text) : readQ(text)
  if (octets === undefined || decoderFor(charset) === undefined) return undefined
  return { raw, charset, octets }
}

function readB(text: string): Buffer | undefined {
  const digits = /^([A-Za-z0-9+/]*)={0,2}$/.exec(text)?.[1]
  return digits === undefined || digits.length % 4 === 1 ? undefined : Buffer.from(digits, 'base64')
}

function readQ(text: string): Buffer | undefined {
  if (!/^(?:[ -<>-~]|=[0-9A-Fa-f]{2})*$/.test(text)) return undefined
  const plain = text.replace(/_/g, ' ')
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

function decodeGroup(words: readonly Word[]): string {
  const charset = words[0]?.charset ?? ''
  const whole = decodeOctets(charset, Buffer.concat(words.map((word) => word.octets)))
  if (whole !== undefined) return whole
  return words.map((word) => decodeOctets(charset, word.octets) ?? word.raw).join(' ')
}

function decodeOctets(charset: string, octets: Buffer): string | undefined {
  try {
    return decoderFor(charset)?.decode(octets)
  } catch {
    return undefined
  }
}

function decoderFor(charset: string): TextDecoder | undefined {
  try {
    return new TextDecoder(charset, { fatal: true })
  } catch {
    return undefined
  }
}
