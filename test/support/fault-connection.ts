import type { Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { WEAK_CIPHERS } from './certificates'
import { Seen, sha256, unstuff } from './fault-ledger'
import type { Fault, Script, Step } from './fault-script'
import type { FaultServerOptions } from './fault-server'
import { codeOf, FaultWire, Over } from './fault-wire'

/** First octet of a TLS record that carries a handshake (RFC 8446 section 5.1). */
const TLS_HANDSHAKE_RECORD = 0x16

interface Transaction {
  mailFrom: string
  parameters: string
  rcptTo: string[]
  /** Octets of the chunks before the last. */
  chunks: Buffer[]
}

/** One client of the fault server: an honest intake, but for what the script overrides. */
export class FaultConnection {
  readonly seen = new Seen()
  /** For what no command asks for: `say`, `end`, `reset`; and `closed` to wait for the end. */
  readonly wire: FaultWire
  private transaction: Transaction | undefined
  private greeted = false

  constructor(
    socket: Socket,
    private readonly options: Required<FaultServerOptions>,
    private readonly script: Script,
    private readonly met: (step: Step) => void,
  ) {
    this.wire = new FaultWire(socket, options.wait, (chunk) => this.seen.addPlaintext(chunk))
  }

  /** Speaks until the conversation is over; never rejects for what a client did. */
  async run(): Promise<void> {
    try {
      await this.answer('CONNECT', `220 ${this.options.name} ESMTP`)
      for (;;) await this.command(await this.wire.line())
    } catch (error) {
      if (!(error instanceof Over)) throw error
    }
  }

  private async command(line: string): Promise<void> {
    this.seen.commands.push({ phase: this.wire.secure ? 'tls' : 'plain', line })
    const verb = (line.split(' ', 1)[0] ?? '').toUpperCase()
    if (verb === 'EHLO') return this.ehlo()
    if (verb === 'STARTTLS') return this.startTls()
    if (verb === 'QUIT') return this.quit()
    if (!this.wire.secure) return this.wire.write('530 5.7.0 Must issue a STARTTLS command first')
    switch (verb) {
      case 'MAIL':
        return this.mail(line)
      case 'RCPT':
        return this.rcpt(line)
      case 'DATA':
        return this.data()
      case 'BDAT':
        return this.options.bdat ? this.bdat(line) : this.unknown()
      case 'RSET':
        this.transaction = undefined
        await this.answer('RSET', '250 2.0.0 Reset')
        return
      case 'NOOP':
        await this.answer('NOOP', '250 2.0.0 Ok')
        return
      default:
        return this.unknown()
    }
  }

  private unknown(): Promise<void> {
    return this.wire.write('500 5.5.2 Unknown command')
  }

  private async ehlo(): Promise<void> {
    const { secure } = this.wire
    const keywords = [...this.options.keywords]
    if (!secure && this.options.starttls) keywords.push('STARTTLS')
    const lines = [this.options.name, ...keywords]
    const reply = lines.map((text, at) => `250${at + 1 < lines.length ? '-' : ' '}${text}`)
    const code = await this.answer(secure ? 'EHLO2' : 'EHLO', reply.join('\r\n'))
    this.greeted = code === 250
    this.transaction = undefined
  }

  private async startTls(): Promise<void> {
    if (this.wire.secure) return this.wire.write('503 5.5.1 TLS already active')
    if (!this.options.starttls) return this.wire.write('502 5.5.1 Not implemented')
    if ((await this.answer('STARTTLS', '220 2.0.0 Ready to start TLS')) !== 220) return
    const first = await this.firstOctets()
    const fault = this.meet('HANDSHAKE')
    if (fault) await this.spoilHandshake(fault)
    this.wire.socket.unshift(first)
    await this.handshake()
  }

  /** What the client answers to `220`: a ClientHello, or plain text that belongs in the ledger. */
  private async firstOctets(): Promise<Buffer> {
    const { socket, octets } = this.wire
    octets.release()
    const first = await new Promise<Buffer | undefined>((resolve) => {
      socket
        .once('data', resolve)
        .once('close', () => resolve(undefined))
        .resume()
      socket.once('end', () => socket.destroy())
    })
    socket.pause()
    if (first === undefined) throw new Over()
    if (first[0] !== TLS_HANDSHAKE_RECORD) this.seen.addPlaintext(first)
    return first
  }

  /** A delay leaves the handshake possible, an answer in plain text does not. */
  private async spoilHandshake(fault: Fault): Promise<void> {
    this.wire.use(this.wire.socket)
    await this.wire.apply(fault, '')
    if (fault.reply !== undefined || fault.raw !== undefined) await this.wire.finish('stall')
    this.wire.octets.release()
  }

  private async handshake(): Promise<void> {
    const { tls } = this.options
    const secure = new TLSSocket(this.wire.socket, {
      isServer: true,
      requestCert: tls.asks !== undefined,
      rejectUnauthorized: tls.asks?.must ?? false,
      secureContext: createSecureContext({
        ...tls,
        ...(tls.asks ? { ca: tls.asks.ca } : {}),
        ...(tls.maxVersion && tls.maxVersion < 'TLSv1.2' ? { ciphers: WEAK_CIPHERS } : {}),
      }),
    })
    await new Promise<void>((resolve, reject) => {
      secure.once('secure', resolve)
      secure.once('close', () => reject(new Over()))
      secure.on('error', (error) => {
        this.seen.handshakeError ??= error.message
        secure.destroy()
      })
    })
    const servername = 'servername' in secure ? secure.servername : undefined
    this.seen.tls = {
      protocol: secure.getProtocol(),
      cipher: secure.getCipher().name,
      servername: typeof servername === 'string' ? servername : undefined,
      resumed: secure.isSessionReused(),
      client: secure.getPeerX509Certificate()?.subject,
    }
    this.greeted = false
    this.wire.use(secure)
  }

  private async mail(line: string): Promise<void> {
    if (!this.greeted) return this.wire.write('503 5.5.1 EHLO first')
    if (this.transaction) return this.wire.write('503 5.5.1 Nested MAIL command')
    const { path, rest } = takePath(line)
    if (!isYes(await this.answer('MAIL', '250 2.1.0 Sender ok'))) return
    this.transaction = { mailFrom: path, parameters: rest, rcptTo: [], chunks: [] }
  }

  private async rcpt(line: string): Promise<void> {
    const { transaction } = this
    if (!transaction) return this.wire.write('503 5.5.1 MAIL first')
    if (!isYes(await this.answer('RCPT', '250 2.1.5 Recipient ok'))) return
    transaction.rcptTo.push(takePath(line).path)
  }

  private async data(): Promise<void> {
    const { transaction } = this
    if (!transaction || (!transaction.rcptTo.length && !this.options.lenient)) {
      return this.wire.write('503 5.5.1 RCPT first')
    }
    if ((await this.answer('DATA', '354 Go ahead')) !== 354) return
    await this.take(transaction, unstuff(await this.content()))
  }

  /** One chunk (RFC 3030); an honest intake reads its octets whatever becomes of it. */
  private async bdat(line: string): Promise<void> {
    const [, size = '0', last] = line.split(' ')
    const { reply, isRead } = this.options.refusedChunk
    if (!this.transaction?.rcptTo.length && !isRead) return this.wire.write(reply)
    const raw = last ? await this.content(Number(size)) : await this.chunk(Number(size))
    const { transaction } = this
    if (!transaction?.rcptTo.length) return this.wire.write(reply)
    if (last) return this.take(transaction, Buffer.concat([...transaction.chunks, raw]))
    const code = await this.answer('CHUNK', `250 2.0.0 Ok: ${size} octets`)
    if (isYes(code)) transaction.chunks.push(raw)
  }

  private async chunk(size: number): Promise<Buffer> {
    return (await this.wire.octets.exactly(size)) ?? this.wire.finish('drop')
  }

  private async take(transaction: Transaction, raw: Buffer): Promise<void> {
    const { mailFrom, parameters, rcptTo } = transaction
    const message = {
      ...{ mailFrom, parameters, rcptTo },
      raw: this.options.keepMessages ? raw : Buffer.alloc(0),
      sha256: sha256(raw),
      size: raw.length,
      code: 0,
    }
    this.seen.messages.push(message)
    this.transaction = undefined
    message.code = await this.answer('BODY', '250 2.0.0 Accepted')
  }

  /** Up to the final dot, or so many octets. */
  private async content(size?: number): Promise<Buffer> {
    const after = this.faultAt('CONTENT')?.after ?? 1
    let met = false
    const progress = async (octets: number) => {
      if (met || octets < after) return
      met = true
      const fault = this.meet('CONTENT')
      if (fault) await this.wire.apply(fault, '')
    }
    const { octets } = this.wire
    const content = size === undefined ? octets.content(progress) : octets.exactly(size, progress)
    return (await content) ?? this.wire.finish('drop')
  }

  private async quit(): Promise<void> {
    await this.answer('QUIT', '221 2.0.0 Bye')
    await this.wire.finish('drop')
  }

  /** Meets a step and answers it; the code that was answered. */
  private async answer(step: Step, honest: string): Promise<number> {
    const fault = this.meet(step)
    if (fault) return this.wire.apply(fault, honest)
    await this.wire.write(honest)
    return codeOf(honest)
  }

  private meet(step: Step): Fault | undefined {
    const fault = this.faultAt(step)
    this.seen.steps.push(step)
    this.met(step)
    return fault
  }

  /** The fault of the next time that the step is met. */
  private faultAt(step: Step): Fault | undefined {
    const times = this.seen.steps.filter((each) => each === step).length + 1
    const fits = ({ nth = times, from = 1 }: Fault) => nth === times && from <= times
    return this.script.find((fault) => fault.on === step && fits(fault))
  }
}

function isYes(code: number): boolean {
  return code >= 200 && code < 300
}

function takePath(line: string): { path: string; rest: string } {
  const from = line.indexOf('<')
  const to = line.lastIndexOf('>')
  return { path: line.slice(from + 1, to), rest: line.slice(to + 1).trim() }
}
