const DOT = 0x2e
const LF = 0x0a
const LINE_AND_DOT = Buffer.from('\n.')

/**
 * Wire form to content form: a line that begins with a dot loses it, whatever follows (RFC 5321
 * section 4.5.2). What needs no change is passed on itself.
 */
export class Unstuffer {
  private lineStart = true

  push(chunk: Buffer): Buffer {
    if (chunk.length === 0) return chunk
    const atStart = this.lineStart && chunk[0] === DOT
    this.lineStart = chunk[chunk.length - 1] === LF
    if (!atStart && chunk.indexOf(LINE_AND_DOT) < 0) return chunk
    const parts: Buffer[] = []
    let from = atStart ? 1 : 0
    for (let at = chunk.indexOf(LINE_AND_DOT); at >= 0; at = chunk.indexOf(LINE_AND_DOT, at + 1)) {
      parts.push(chunk.subarray(from, at + 1))
      from = at + 2
    }
    parts.push(chunk.subarray(from))
    return Buffer.concat(parts)
  }
}
