import { createServer, type AddressInfo, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SecureVersion } from 'node:tls'
import { FaultConnection } from './fault-connection'
import type { SeenMessage } from './fault-ledger'
import type { Script, Step } from './fault-script'

export interface TlsMaterial {
  readonly key: string
  readonly cert: string
  readonly minVersion?: SecureVersion
  readonly maxVersion?: SecureVersion
  readonly ciphers?: string
  /** A certificate of the client's is asked for, of these roots. */
  readonly asks?: { readonly ca: string; readonly must: boolean }
}

export interface FaultServerOptions {
  readonly tls: TlsMaterial
  /** Faults for all connections, or for the n-th one (the first is 1). Default: none. */
  readonly script?: Script | ((connection: number) => Script)
  /** EHLO keywords besides STARTTLS. */
  readonly keywords?: readonly string[]
  /** Knows the BDAT that its keywords may offer. Default true. */
  readonly bdat?: boolean
  /** What becomes of a BDAT that no recipient was named for; its octets should be read. */
  readonly refusedChunk?: { readonly reply: string; readonly isRead: boolean }
  /** Says 354 to DATA although no recipient was accepted. */
  readonly lenient?: boolean
  /** Offers STARTTLS and takes it. Default true. */
  readonly starttls?: boolean
  /** Name in the greeting and in EHLO replies. */
  readonly name?: string
  /** 127.0.0.1 by default; only ever a loopback address. */
  readonly host?: string
  /** Default 0: any free one. */
  readonly port?: number
  /** Keeps whole messages in the ledger. Default true; false keeps size and sha256 alone. */
  readonly keepMessages?: boolean
  /** For the delays of the script; default: on the system's clock. */
  readonly wait?: (ms: number) => Promise<void>
}

const DEFAULTS = {
  script: [],
  keywords: ['SIZE 52428800', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES'],
  bdat: true,
  refusedChunk: { reply: '503 5.5.1 RCPT first', isRead: true },
  lenient: false,
  starttls: true,
  name: 'intake.test',
  host: '127.0.0.1',
  port: 0,
  keepMessages: true,
  wait: (ms: number) => sleep(ms),
} satisfies Omit<FaultServerOptions, 'tls'>

/**
 * A message intake on the loopback that is honest until its script says otherwise:
 *
 *     const server = await FaultServer.start({
 *       tls: await authority.issue({ names: ['intake.test'] }),
 *       script: (connection) =>
 *         connection === 1 ? [{ on: 'RCPT', reply: '451 4.3.0 Later' }] : [],
 *     })
 *     ... deliver to server.host, server.port ...
 *     await server.until('BODY')
 *     assert.equal(server.messages[0]?.mailFrom, '')
 *     assert.deepEqual(server.connections[0]?.seen.lines('tls'), ['EHLO me', 'MAIL FROM:<>', ...])
 *     await server.close()
 *
 * See `Fault` for what a script can do, `Seen` for what is recorded.
 */
export class FaultServer {
  /** Every connection since the start, in the order of their arrival. */
  readonly connections: FaultConnection[] = []
  /** May be replaced at any time; a connection keeps the script that it began with. */
  script: Script | ((connection: number) => Script)
  private readonly options: Required<FaultServerOptions>
  private readonly server: Server
  private readonly counts = new Map<Step, number>()
  private waiting: { step: Step; times: number; resolve: () => void }[] = []

  private constructor(options: FaultServerOptions) {
    this.options = { ...DEFAULTS, ...options }
    this.script = this.options.script
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      const number = this.connections.length + 1
      const script = typeof this.script === 'function' ? this.script(number) : this.script
      const connection = new FaultConnection(socket, this.options, script, (step) => this.met(step))
      this.connections.push(connection)
      void connection.run()
    })
  }

  static async start(options: FaultServerOptions): Promise<FaultServer> {
    const server = new FaultServer(options)
    await new Promise<void>((resolve, reject) => {
      const { port, host } = server.options
      server.server.once('error', reject).listen(port, host, resolve)
    })
    return server
  }

  get host(): string {
    return this.options.host
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** Every message whose final dot was read, connection by connection. */
  get messages(): SeenMessage[] {
    return this.connections.flatMap((connection) => connection.seen.messages)
  }

  /** How many connections are open now. */
  get open(): number {
    return this.connections.filter((connection) => !connection.wire.isClosed).length
  }

  /** Resolves when a step was met so many times over all connections, also in the past. */
  until(step: Step, times = 1): Promise<void> {
    if ((this.counts.get(step) ?? 0) >= times) return Promise.resolve()
    return new Promise((resolve) => this.waiting.push({ step, times, resolve }))
  }

  /** Ends every connection and stops listening. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const { wire } of this.connections) wire.destroy()
    await Promise.all([closed, ...this.connections.map(({ wire }) => wire.closed)])
  }

  private met(step: Step): void {
    const times = (this.counts.get(step) ?? 0) + 1
    this.counts.set(step, times)
    const due = this.waiting.filter((each) => each.step === step && each.times <= times)
    this.waiting = this.waiting.filter((each) => !due.includes(each))
    for (const { resolve } of due) resolve()
  }
}
