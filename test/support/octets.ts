import type { Duplex } from 'node:stream'

const CRLF = Buffer.from('\r\n')
const END = Buffer.from('\r\n.\r\n')

/** Reads a socket by pulling: lines, message contents, or whatever comes. Strictly CRLF. */
export class Octets {
  private chunks: Buffer[] = []
  private ended = false
  private wake: () => void = () => undefined

  /** `tap` sees every chunk as it arrives. */
  constructor(
    private readonly source: Duplex,
    private readonly tap: (chunk: Buffer) => void,
  ) {
    source.on('data', this.onData)
    source.on('end', this.onEnd)
    source.on('close', this.onEnd)
  }

  /** One line without its CRLF; undefined when the peer is gone. */
  async line(): Promise<string | undefined> {
    const line = await this.until(CRLF, Buffer.alloc(0), () => undefined)
    return line?.toString('latin1')
  }

  /**
   * A message as DATA carries it, up to and without the final dot line; undefined when the peer
   * went before. `progress` gets the count of octets so far.
   */
  async content(progress: (octets: number) => Promise<void>): Promise<Buffer | undefined> {
    // The dot may be the very first line: the CRLF of the DATA line stands before it.
    const content = await this.until(END, CRLF, progress)
    return content && Buffer.concat([content, CRLF]).subarray(CRLF.length)
  }

  /** So many octets; undefined when the peer went before. */
  async exactly(
    count: number,
    progress: (octets: number) => Promise<void> = async () => {},
  ): Promise<Buffer | undefined> {
    const parts: Buffer[] = []
    let octets = 0
    while (octets < count) {
      const chunk = await this.some()
      if (chunk === undefined) return undefined
      const part = chunk.subarray(0, count - octets)
      if (part.length < chunk.length) this.chunks.unshift(chunk.subarray(part.length))
      parts.push(part)
      octets += part.length
      await progress(octets)
    }
    return Buffer.concat(parts)
  }

  /** The first octets that come, as they come. */
  async some(): Promise<Buffer | undefined> {
    while (this.chunks.length === 0 && !this.ended) await this.more()
    return this.chunks.shift()
  }

  /** Stops reading and gives back what was read but not used. */
  release(): Buffer {
    this.source.off('data', this.onData)
    this.source.off('end', this.onEnd)
    this.source.off('close', this.onEnd)
    this.source.pause()
    return Buffer.concat(this.chunks.splice(0))
  }

  private async until(
    mark: Buffer,
    before: Buffer,
    progress: (octets: number) => Promise<void> | void,
  ): Promise<Buffer | undefined> {
    const parts: Buffer[] = [before]
    let tail = before
    let octets = 0
    for (;;) {
      const chunk = await this.some()
      if (chunk === undefined) return undefined
      octets += chunk.length
      await progress(octets)
      const window = Buffer.concat([tail, chunk])
      const at = window.indexOf(mark)
      parts.push(chunk)
      if (at >= 0) {
        const surplus = window.length - at - mark.length
        if (surplus > 0) this.chunks.unshift(chunk.subarray(chunk.length - surplus))
        const all = Buffer.concat(parts)
        return all.subarray(0, all.length - surplus - mark.length)
      }
      tail = window.subarray(Math.max(0, window.length - mark.length + 1))
    }
  }

  private more(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve))
  }

  private readonly onData = (chunk: Buffer): void => {
    this.tap(chunk)
    this.chunks.push(chunk)
    this.wake()
  }

  private readonly onEnd = (): void => {
    this.ended = true
    this.wake()
  }
}
