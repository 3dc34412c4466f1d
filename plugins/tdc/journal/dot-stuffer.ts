const DOT = 0x2e
const LF = 0x0a
const LINE_AND_DOT = Buffer.from('\n.')
const CRLF = Buffer.from('\r\n')

/**
 * Content form to wire form: a line that begins with a dot gets one more (RFC 5321 4.5.2). Looks at
 * LF alone, so that even a bare one, which the original filter takes care of, could not end the data.
 */
export class DotStuffer {
  private lineStart = true

  push(chunk: Buffer): Buffer {
    if (chunk.length === 0) return chunk
    const atStart = this.lineStart
    this.lineStart = chunk[chunk.length - 1] === LF
    if (atStart && chunk[0] === DOT) return stuff(chunk, 0)
    const line = chunk.indexOf(LINE_AND_DOT)
    return line < 0 ? chunk : stuff(chunk, line + 1)
  }

  /** The CRLF that an unfinished last line needs before the final dot (RFC 5321 4.1.1.4). */
  end(): Buffer {
    return this.lineStart ? Buffer.alloc(0) : CRLF
  }
}

/** `first` is the place of the first dot to double. */
function stuff(chunk: Buffer, first: number): Buffer {
  const out = Buffer.allocUnsafe(chunk.length + 1 + countDots(chunk, first + 1))
  let size = chunk.copy(out, 0, 0, first)
  out[size++] = DOT
  for (let i = first; i < chunk.length; i++) {
    const octet = chunk[i] as number
    if (octet === DOT && i > first && chunk[i - 1] === LF) out[size++] = DOT
    out[size++] = octet
  }
  return out
}

function countDots(chunk: Buffer, from: number): number {
  let dots = 0
  for (let i = from; i < chunk.length; i++) if (chunk[i] === DOT && chunk[i - 1] === LF) dots++
  return dots
}
