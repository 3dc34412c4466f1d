const CR = 0x0d
const LF = 0x0a

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
  /** A bare CR or LF has been completed. */
  normalized = false
  private afterCr = false

  push(chunk: Buffer): Buffer {
    if (chunk.length === 0) return chunk
    const bare = this.countBare(chunk)
    const out = bare === 0 ? chunk : complete(chunk, bare, this.afterCr)
    if (bare > 0) this.normalized = true
    this.afterCr = chunk[chunk.length - 1] === CR
    return out
  }

  end(): Buffer {
    if (!this.afterCr) return Buffer.alloc(0)
    this.afterCr = false
    this.normalized = true
    return Buffer.of(LF)
  }

  private countBare(chunk: Buffer): number {
    const late = this.afterCr && chunk[0] !== LF ? 1 : 0
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

  private inspect(chunk: Buffer, from: number, to: number): number {
    let bare = 0
    for (let i = from; i < to; i++) {
      const octet = chunk[i] as number
      if (octet === LF) {
        if (i === 0 ? !this.afterCr : chunk[i - 1] !== CR) bare++
      } else if (octet === CR) {
        // A CR that ends the chunk is judged with the next one.
        if (i + 1 < chunk.length && chunk[i + 1] !== LF) bare++
      } else if (octet > 127) {
        this.eightBit = true
      }
    }
    return bare
  }
}

function complete(chunk: Buffer, bare: number, afterCr: boolean): Buffer {
  const out = Buffer.allocUnsafe(chunk.length + bare)
  let size = 0
  let previous = afterCr ? CR : 0
  for (let i = 0; i < chunk.length; i++) {
    const octet = chunk[i] as number
    if (previous === CR && octet !== LF) out[size++] = LF
    if (previous !== CR && octet === LF) out[size++] = CR
    out[size++] = octet
    previous = octet
  }
  return out
}
