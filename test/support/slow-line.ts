import type { Socket } from 'node:net'

/** Milliseconds between two portions. */
const PORTION = 20
/** Octets that are on the line before the sender is made to wait. */
const HELD = 4_096

/** Carries octets on at a steady rate, and the end behind them. */
export class SlowLine {
  private held = Buffer.alloc(0)
  private timer: NodeJS.Timeout | undefined
  private ended = false

  /** `rate`: octets per second. */
  constructor(
    private readonly from: Socket,
    private readonly rate: number,
    private readonly write: (portion: Buffer) => void,
    private readonly finish: () => void,
  ) {}

  push(chunk: Buffer): void {
    this.held = Buffer.concat([this.held, chunk])
    if (this.held.length > HELD) this.from.pause()
    this.timer ??= setInterval(() => this.next(), PORTION)
  }

  end(): void {
    this.ended = true
    if (this.held.length === 0) this.finish()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private next(): void {
    const portion = Math.max(1, Math.round((this.rate * PORTION) / 1000))
    this.write(this.held.subarray(0, portion))
    this.held = this.held.subarray(portion)
    if (this.held.length <= HELD) this.from.resume()
    if (this.held.length > 0) return
    this.stop()
    this.timer = undefined
    if (this.ended) this.finish()
  }
}
