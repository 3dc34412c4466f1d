import { LIMITS, bounded } from '../base/text'
import type { Reply } from './outcome'

/**
 * Limits of one reply. RFC 5321 section 4.5.3.1.5 has 512 octets per line; four times that is
 * borne, the rest keeps an endless reply from filling memory.
 */
export const MAX_REPLY_LINE = 2048
export const MAX_REPLY_LINES = 128
export const MAX_REPLY_OCTETS = 65_536

const LF = 0x0a
const CR = 0x0d
const NUL = 0x00
const SPACE = 0x20
const HYPHEN = 0x2d
const ZERO = 0x30
const NINE = 0x39
const CODE_LENGTH = 3

/** RFC 3463 section 2: class, subject and detail, the latter two of one to three digits. */
const ENHANCED = /^[245]\.\d{1,3}\.\d{1,3}(?= |$)/

export type Parsed =
  /** The octets so far are the beginning of a reply, or there are none. */
  | { kind: 'more' }
  /** `lines` are the texts of the single lines as they stand behind code and separator. */
  | { kind: 'reply'; reply: Reply; lines: readonly string[] }
  /** Not SMTP, or beyond the limits. Stays so. */
  | { kind: 'garbage'; why: string }

/**
 * Reads replies out of octets that arrive in any pieces, in linear time. What stands behind a
 * complete reply is kept, and `pending` tells that it is there.
 */
export class ReplyParser {
  private readonly chunks: Buffer[] = []
  private readonly line = Buffer.alloc(MAX_REPLY_LINE)
  private lineLength = 0
  private octets = 0
  private code: number | undefined
  private texts: string[] = []
  private garbage: Parsed | undefined

  push(chunk: Buffer): void {
    if (chunk.length > 0) this.chunks.push(chunk)
  }

  /** Some octet is there that belongs to no reply that was taken. */
  get pending(): boolean {
    return this.chunks.length > 0 || this.lineLength > 0 || this.texts.length > 0
  }

  /** The next complete reply, if it has arrived. */
  next(): Parsed {
    for (;;) {
      if (this.garbage) return this.garbage
      if (!this.takeLine()) return this.garbage ?? { kind: 'more' }
      const done = this.endLine()
      if (done) return done
    }
  }

  /** Moves octets into `line` up to and without the next LF; false when it has not come yet. */
  private takeLine(): boolean {
    for (;;) {
      const chunk = this.chunks.shift()
      if (chunk === undefined) return false
      const end = chunk.indexOf(LF)
      const part = end < 0 ? chunk : chunk.subarray(0, end)
      if (this.lineLength + part.length > MAX_REPLY_LINE) return this.refuse('a line is too long')
      this.lineLength += part.copy(this.line, this.lineLength)
      if (end < 0) continue
      if (end + 1 < chunk.length) this.chunks.unshift(chunk.subarray(end + 1))
      return true
    }
  }

  /** Adds the line to the reply; gives the reply when that was its last line. */
  private endLine(): Parsed | undefined {
    const line = this.line.subarray(0, withoutCr(this.line, this.lineLength))
    this.octets += this.lineLength
    this.lineLength = 0
    if (this.octets > MAX_REPLY_OCTETS) return this.fail('the reply is too long')
    const code = codeOf(line)
    const separator = line[CODE_LENGTH]
    if (code === undefined) return this.fail('a line has no reply code')
    if (separator !== undefined && separator !== SPACE && separator !== HYPHEN) {
      return this.fail('a line has no separator behind its code')
    }
    if (line.includes(NUL)) return this.fail('a line contains NUL')
    if (this.code !== undefined && this.code !== code) return this.fail('the codes differ')
    if (this.texts.length === MAX_REPLY_LINES) return this.fail('the reply has too many lines')
    this.code = code
    this.texts.push(line.toString('utf8', CODE_LENGTH + 1))
    return separator === HYPHEN ? undefined : this.endReply(code)
  }

  private endReply(code: number): Parsed {
    const lines = this.texts
    this.texts = []
    this.code = undefined
    this.octets = 0
    return { kind: 'reply', reply: replyOf(code, lines), lines }
  }

  private refuse(why: string): false {
    this.fail(why)
    return false
  }

  private fail(why: string): Parsed {
    this.chunks.length = 0
    this.garbage = { kind: 'garbage', why }
    return this.garbage
  }
}

/** One line for people and logs: `550 5.7.1 No`. */
export function replyLine(reply: Reply): string {
  return [String(reply.code), reply.enhanced, reply.text].filter(Boolean).join(' ')
}

function replyOf(code: number, lines: readonly string[]): Reply {
  const parts = lines.map((line) => splitEnhanced(code, line))
  // It should stand on each line (RFC 2034 section 4); who writes it once means the whole reply.
  const enhanced = parts.findLast((part) => part.enhanced !== undefined)?.enhanced
  const text = parts
    .map((part) => part.text)
    .filter(Boolean)
    .join(' ')
  // Each copy that waits remembers its own.
  const kept = bounded(text, LIMITS.reply)
  return { code, ...(enhanced === undefined ? {} : { enhanced }), text: kept }
}

/** The class of the status must be that of the code (RFC 2034 section 4), else it is text. */
function splitEnhanced(code: number, line: string): { enhanced?: string; text: string } {
  const enhanced = ENHANCED.exec(line)?.[0]
  if (enhanced === undefined || Number(enhanced[0]) !== Math.floor(code / 100)) {
    return { text: line.trim() }
  }
  return { enhanced, text: line.slice(enhanced.length).trim() }
}

/** Bare LF ends a line too: many servers behind proxies write it. */
function withoutCr(line: Buffer, length: number): number {
  return length > 0 && line[length - 1] === CR ? length - 1 : length
}

function codeOf(line: Buffer): number | undefined {
  let code = 0
  for (let at = 0; at < CODE_LENGTH; at++) {
    const digit = line[at]
    if (digit === undefined || digit < ZERO || digit > NINE) return undefined
    code = code * 10 + digit - ZERO
  }
  return code >= 200 && code <= 599 ? code : undefined
}
