const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const CRLF = Buffer.from('\r\n')

/**
 * What a CR becomes that no LF follows. `as_postfix`: nothing where further CRs and an LF follow, else a
 * blank, as a Postfix behind this gateway passes it on; the recipient's parts are then the copy's.
 * `crlf`: a line end.
 */
export type BareCr = 'as_postfix' | 'crlf'

/** Below this many octets a typed view costs more than it saves. */
const SHORT = 64

/** One in every octet of a word, times 14: the first value above CR. */
const ABOVE_CR = 0x0e0e0e0e
/** The top bit of every octet of a word. */
const TOP_BITS = 0x80808080 | 0

/**
 * Makes every line end CRLF: bare CR and bare LF must not be sent (RFC 5321 2.3.8), and a receiver
 * that takes one for a line end could be made to see an end of data inside a message.
 */
export class LineEnds {
  /** An octet above 127 has passed. */
  eightBit = false
  /** A bare CR or LF has been replaced. */
  normalized = false
  /** A CR that is no part of a line end has passed. */
  hasBareCr = false
  /** CRs at the end so far: what they become, the next octet says. */
  private crs = 0

  constructor(private readonly bareCr: BareCr) {}

  push(chunk: Buffer): Buffer {
    if (chunk.length === 0) return chunk
    const bare = this.countBare(chunk)
    if (bare > 0) this.normalized = true
    const endsWithCr = chunk[chunk.length - 1] === CR
    return bare === 0 && this.crs === 0 && !endsWithCr ? chunk : this.replace(chunk, bare)
  }

  end(): Buffer {
    const lines = this.lineEnds()
    if (lines > 0) this.normalized = this.hasBareCr = true
    this.crs = 0
    return Buffer.concat(Array.from({ length: lines }, () => CRLF))
  }

  /** That the CRs are, when the message or a line ends behind them. */
  private lineEnds(): number {
    return this.bareCr === 'crlf' ? this.crs : Math.min(this.crs, 1)
  }

  private replace(chunk: Buffer, bare: number): Buffer {
    // A CR becomes two octets at the most, and a bare LF too.
    const out = Buffer.allocUnsafe(this.crs * 2 + chunk.length + bare + 1)
    let size = 0
    const endLines = (lines: number) => {
      for (let line = 0; line < lines; line++) size += CRLF.copy(out, size)
    }
    for (let i = 0; i < chunk.length; i++) {
      const octet = chunk[i] as number
      if (octet === CR) {
        this.crs++
        continue
      }
      if (octet === LF) endLines(Math.max(this.lineEnds(), 1))
      else if (this.bareCr === 'crlf') endLines(this.crs)
      else for (; this.crs > 0; this.crs--) out[size++] = SPACE
      this.crs = 0
      if (octet !== LF) out[size++] = octet
    }
    return out.subarray(0, size)
  }

  private countBare(chunk: Buffer): number {
    const late = this.crs > 0 && chunk[0] !== LF ? this.bareCrs(1) : 0
    if (chunk.length < SHORT) return late + this.inspect(chunk, 0, chunk.length)
    const lead = -chunk.byteOffset & 3
    const tail = lead + ((chunk.length - lead) & ~3)
    const words = new Int32Array(chunk.buffer, chunk.byteOffset + lead, (tail - lead) >> 2)
    return (
      late +
      this.inspect(chunk, 0, lead) +
      this.inspectWords(chunk, words, lead) +
      this.inspect(chunk, tail, chunk.length)
    )
  }

  /**
   * Four octets a step: `(w - 14 14 14 14) & ~w` has a top bit set exactly when some octet is below
   * 14, `w` itself when some octet is above 127; only such words are looked at closely.
   */
  private inspectWords(chunk: Buffer, words: Int32Array, lead: number): number {
    let bare = 0
    let high = this.eightBit ? 0 : -1
    for (let i = 0; i < words.length; i++) {
      const word = words[i] as number
      if (((((word - ABOVE_CR) & ~word) | (word & high)) & TOP_BITS) === 0) continue
      const at = lead + i * 4
      bare += this.inspect(chunk, at, at + 4)
      if (this.eightBit) high = 0
    }
    return bare
  }

  /** Apart from the loop, which is half as fast again with it. */
  private bareCrs(count: number): number {
    this.hasBareCr = true
    return count
  }

  private inspect(chunk: Buffer, from: number, to: number): number {
    let bare = 0
    for (let i = from; i < to; i++) {
      const octet = chunk[i] as number
      if (octet === LF) {
        if (i === 0 ? this.crs === 0 : chunk[i - 1] !== CR) bare++
      } else if (octet === CR) {
        // A CR that ends the chunk is judged with the next one.
        if (i + 1 < chunk.length && chunk[i + 1] !== LF) bare += this.bareCrs(1)
      } else if (octet > 127) {
        this.eightBit = true
      }
    }
    return bare
  }
}
