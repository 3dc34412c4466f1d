import { connect, createServer, type AddressInfo, type Server, Socket } from 'node:net'
import { SlowLine } from './slow-line'

/** What a line does to a connection, as of the moment when that begins. */
export interface Line {
  /** Milliseconds each way. */
  readonly delay?: number
  /** Octets per second towards the server. */
  readonly rate?: number
  /** Octets of each write, both ways. */
  readonly pieces?: number
  /** The connection ends after so many octets towards the server. */
  readonly cut?: { readonly after: number; readonly how: Cut }
}

/** `silence`: both sides stand, and nothing comes through any more. */
export type Cut = 'fin' | 'rst' | 'silence'

/** A TCP proxy on the loopback that is a bad line when it is told so, and records what clients write. */
export class LineProxy {
  /** Every octet from clients, connection by connection, as it came from the socket. */
  readonly captured: Buffer[][] = []
  /** For the connections that begin from now on. */
  line: Line = {}
  /** Chosen by the system, and kept. */
  port = 0
  private readonly server: Server
  private readonly pairs = new Set<Pair>()
  /** Those that neither side has ended: an intake counts no others. */
  private readonly standing = new Set<Pair>()
  private most = 0

  private constructor(private readonly target: { readonly host: string; readonly port: number }) {
    this.server = createServer({ allowHalfOpen: true }, (near) => this.accept(near))
  }

  static async before(target: { host: string; port: number }): Promise<LineProxy> {
    const proxy = new LineProxy(target)
    await proxy.listen()
    proxy.port = (proxy.server.address() as AddressInfo).port
    return proxy
  }

  /** Takes connections again, after `refuse`. */
  listen(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.server.once('error', reject).listen(this.port, this.target.host, resolve)
    })
  }

  /** Resets the connections that are open and refuses all others. */
  refuse(): void {
    this.server.close()
    this.cut('rst')
  }

  get open(): number {
    return this.standing.size
  }

  /** The highest number of connections that were open at a time. */
  get mostOpen(): number {
    return this.most
  }

  /** Whether clients wrote these octets anywhere, outside TLS. */
  saw(octets: string): boolean {
    return this.captured.some((chunks) => Buffer.concat(chunks).includes(octets))
  }

  /** Ends the connections that are open. */
  cut(how: Cut): void {
    for (const pair of this.pairs) pair.cut(how)
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const pair of this.pairs) pair.destroy()
    await closed
  }

  private accept(near: Socket): void {
    const captured: Buffer[] = []
    this.captured.push(captured)
    const { host, port } = this.target
    const far = connect({ host, port, allowHalfOpen: true })
    const pair = new Pair(near, far, this.line, captured)
    this.pairs.add(pair)
    this.standing.add(pair)
    this.most = Math.max(this.most, this.standing.size)
    for (const socket of [near, far]) socket.once('end', () => this.standing.delete(pair))
    near.once('close', () => {
      this.standing.delete(pair)
      this.pairs.delete(pair)
      pair.destroy()
    })
  }
}

/** One connection through the proxy. */
class Pair {
  private silent = false
  private passed = 0
  private readonly slow: SlowLine | undefined

  constructor(
    private readonly near: Socket,
    private readonly far: Socket,
    private readonly line: Line,
    captured: Buffer[],
  ) {
    for (const socket of [near, far]) socket.setNoDelay(true)
    near.on('data', (chunk: Buffer) => captured.push(chunk))
    const { rate = 0 } = line
    if (rate > 0) {
      const write = (portion: Buffer) => this.towardsServer(portion)
      this.slow = new SlowLine(near, rate, write, () => far.end())
    }
    this.carry(near, far, (chunk) => this.towardsServer(chunk), this.slow)
    this.carry(far, near, (chunk) => this.write(near, chunk))
  }

  cut(how: Cut): void {
    if (how === 'silence') this.silent = true
    else if (how === 'fin') for (const socket of [this.near, this.far]) socket.end()
    else for (const socket of [this.near, this.far]) socket.resetAndDestroy()
  }

  destroy(): void {
    this.slow?.stop()
    this.near.destroy()
    this.far.destroy()
  }

  private carry(from: Socket, to: Socket, take: (chunk: Buffer) => void, slow?: SlowLine): void {
    const { delay = 0 } = this.line
    const later = (work: () => void) => (delay > 0 ? void setTimeout(work, delay) : work())
    const push = slow ? (chunk: Buffer) => slow.push(chunk) : take
    const end = slow ? () => slow.end() : () => to.end()
    from.on('data', (chunk: Buffer) => later(() => !this.silent && push(chunk)))
    from.on('end', () => later(() => !this.silent && end()))
    from.on('error', () => later(() => !this.silent && to.destroy()))
  }

  private towardsServer(chunk: Buffer): void {
    const { cut } = this.line
    const left = (cut?.after ?? Infinity) - this.passed
    this.passed += chunk.length
    this.write(this.far, chunk.subarray(0, Math.max(0, left)))
    if (cut && left <= chunk.length) this.cut(cut.how)
  }

  private write(to: Socket, chunk: Buffer): void {
    const size = this.line.pieces ?? chunk.length
    for (let at = 0; at < chunk.length && to.writable; at += size) {
      to.write(chunk.subarray(at, at + size))
    }
  }
}
