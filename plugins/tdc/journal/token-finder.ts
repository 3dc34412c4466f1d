/** Looks for a boundary anywhere in a message: some readers match it as a substring of any line. */
export class TokenFinder {
  found = false
  private readonly token: Buffer
  private tail: Buffer = Buffer.alloc(0)

  /** A token of undefined is never found. */
  constructor(token: string | undefined) {
    this.token = Buffer.from(token ?? '', 'latin1')
  }

  push(chunk: Buffer): void {
    const reach = this.token.length - 1
    if (this.found || reach < 0) return
    const border = Buffer.concat([this.tail, chunk.subarray(0, reach)])
    this.found = border.includes(this.token) || chunk.includes(this.token)
    const last = chunk.length < reach ? Buffer.concat([this.tail, chunk]) : chunk
    this.tail = Buffer.from(last.subarray(Math.max(0, last.length - reach)))
  }
}
