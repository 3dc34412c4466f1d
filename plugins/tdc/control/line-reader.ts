const LF = 0x0a

/** Cuts octets that come in pieces into lines of UTF-8; a line has an end, or there is none. */
export class LineReader {
  tooLong = false
  private pieces: Buffer[] = []
  private held = 0

  constructor(private readonly longest: number) {}

  /** The lines that are complete now, without their ends and without empty ones. */
  *read(octets: Buffer): Generator<string> {
    let from = 0
    while (!this.tooLong) {
      const to = octets.indexOf(LF, from)
      if (!this.hold(octets.subarray(from, to < 0 ? undefined : to)) || to < 0) return
      const line = Buffer.concat(this.pieces).toString('utf8').trim()
      this.pieces = []
      this.held = 0
      if (line !== '') yield line
      from = to + 1
    }
  }

  private hold(piece: Buffer): boolean {
    this.held += piece.length
    if (this.held > this.longest) {
      this.tooLong = true
      this.pieces = []
      return false
    }
    this.pieces.push(piece)
    return true
  }
}
