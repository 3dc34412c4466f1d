import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Ending, Fault } from './fault-script'
import { Octets } from './octets'

/** Octets of one write of an endless answer. */
const FLOOD = 16_384

/** The conversation is over: a fault ended it, or the client went. */
export class Over extends Error {}

/** The server's end of one socket, in plain text and later inside TLS: reads, answers and faults. */
export class FaultWire {
  octets: Octets
  /** Resolves when the socket is closed, whoever closed it. */
  readonly closed: Promise<void>
  isClosed = false
  private current: Duplex

  constructor(
    readonly socket: Socket,
    private readonly wait: (ms: number) => Promise<void>,
    private readonly onPlaintext: (chunk: Buffer) => void,
  ) {
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isClosed = true
        resolve()
      })
    })
    this.current = socket
    this.octets = this.listen(socket)
  }

  get secure(): boolean {
    return this.current !== this.socket
  }

  /** Goes on with another stream over the same socket, or again with the socket itself. */
  use(stream: Duplex): void {
    this.octets.release()
    this.current = stream
    this.octets = this.listen(stream)
  }

  async line(): Promise<string> {
    const line = await this.octets.line()
    if (line !== undefined) return line
    this.current.end()
    throw new Over()
  }

  async write(reply: string): Promise<void> {
    await this.writeOctets(Buffer.from(`${reply}\r\n`, 'latin1'))
  }

  /** Answers as the fault wants it; the code that was answered, if any was. */
  async apply(fault: Fault, honest: string): Promise<number> {
    if (fault.delay !== undefined) await this.wait(fault.delay)
    const text = answerOf(fault, honest)
    const octets = Buffer.from(text + (fault.extra ?? ''), 'latin1')
    if (fault.split) for (const octet of octets) await this.writeOctets(Buffer.of(octet))
    else await this.writeOctets(octets)
    if (fault.then) await this.finish(fault.then)
    return codeOf(text)
  }

  /** Ends the conversation in one of the ways of the script; never returns normally. */
  async finish(ending: Ending): Promise<never> {
    switch (ending) {
      case 'drop':
        this.current.end(() => this.destroy())
        break
      case 'reset':
        this.reset()
        break
      case 'half-open':
        this.current.end()
        await this.drain()
        break
      case 'stall':
        await this.drain()
        break
      case 'deaf':
        this.octets.release()
        break
      case 'endless-line':
        await this.flood('250-', 'x'.repeat(FLOOD))
        break
      case 'endless-reply':
        await this.flood('', '250-x\r\n'.repeat(FLOOD / 8))
        break
    }
    throw new Over()
  }

  /** Reads to the end, so that what the client still sends stands in the ledger. */
  async drain(): Promise<void> {
    while ((await this.octets.some()) !== undefined);
    this.destroy()
  }

  /** Writes octets that no command asked for, such as a 421 to an idle client. */
  say(text: string): void {
    this.current.write(text, 'latin1')
  }

  /** FIN; inside TLS with close_notify. */
  end(): void {
    this.current.end()
  }

  /** RST. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Asks the client for another TLS handshake, as TLS 1.2 allows; resolves with how that went. */
  renegotiate(): Promise<'done' | 'refused'> {
    const { current } = this
    if (!(current instanceof TLSSocket)) throw new Error('no TLS yet')
    return new Promise((resolve) => {
      current.once('close', () => resolve('refused'))
      current.renegotiate({}, (error) => resolve(error ? 'refused' : 'done'))
    })
  }

  destroy(): void {
    this.current.destroy()
    this.socket.destroy()
  }

  private async writeOctets(octets: Buffer): Promise<void> {
    if (octets.length === 0) return
    if (!this.current.writable) throw new Over()
    await new Promise<void>((resolve) => this.current.write(octets, () => resolve()))
  }

  private async flood(first: string, next: string): Promise<void> {
    this.say(first)
    while (this.current.writable) await this.writeOctets(Buffer.from(next))
  }

  private listen(source: Duplex): Octets {
    const plain = source === this.socket
    const octets = new Octets(source, plain ? this.onPlaintext : () => undefined)
    source.resume()
    return octets
  }
}

export function codeOf(reply: string): number {
  return Number(reply.slice(0, 3))
}

function answerOf(fault: Fault, honest: string): string {
  if (fault.raw !== undefined) return fault.raw
  if (fault.reply !== undefined) return `${fault.reply}\r\n`
  if (fault.then !== undefined || honest === '') return ''
  return `${honest}\r\n`
}
