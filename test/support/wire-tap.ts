import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** One connection that went through the tap. */
export interface Tapped {
  /** The loopback address that the client connected to. */
  readonly address: string
  /** Every octet that the client wrote, as it was on the wire. */
  readonly octets: Buffer
}

/**
 * Stands between a client and servers on loopback addresses, passes everything on as it comes, and
 * keeps what the client wrote: neither side's own account of it is needed.
 */
export class WireTap {
  readonly connections: Tapped[] = []
  private readonly servers: Server[] = []
  private readonly sockets = new Set<Socket>()

  private constructor(private readonly target: number) {}

  /** Listens on one port of all these addresses, and passes on to port `target` of the same. */
  static async start(addresses: readonly string[], target: number): Promise<WireTap> {
    for (let tries = 1; ; tries++) {
      const tap = new WireTap(target)
      try {
        for (const address of addresses) await tap.listen(address)
        return tap
      } catch (error) {
        await tap.close()
        // Somebody has this port on another address: take another one.
        if (tries === 20 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      }
    }
  }

  get port(): number {
    return (this.servers[0]?.address() as AddressInfo | undefined)?.port ?? 0
  }

  /** The connections to one address. */
  to(address: string): Tapped[] {
    return this.connections.filter((connection) => connection.address === address)
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }

  private async listen(address: string): Promise<void> {
    const { port } = this
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.pass(client, address),
    )
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, address, resolve)
    })
    this.servers.push(server)
  }

  private pass(client: Socket, address: string): void {
    const chunks: Buffer[] = []
    this.connections.push({
      address,
      get octets() {
        return Buffer.concat(chunks)
      },
    })
    const server = connect({ host: address, port: this.target, allowHalfOpen: true, noDelay: true })
    client.on('data', (chunk: Buffer) => chunks.push(chunk))
    this.join(client, server)
    this.join(server, client)
  }

  /** What comes in at one socket goes out at the other: octets, FIN and RST. */
  private join(from: Socket, to: Socket): void {
    this.sockets.add(from)
    from.on('data', (chunk: Buffer) => to.write(chunk))
    from.on('end', () => to.end())
    from.on('error', () => to.resetAndDestroy())
    from.on('close', () => this.sockets.delete(from))
  }
}
