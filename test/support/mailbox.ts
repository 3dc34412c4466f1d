import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Ledger } from './ledger'

export interface Received {
  /** Reverse-path without brackets; '' is the null sender. */
  readonly from: string
  readonly to: readonly string[]
  /** The parameters of MAIL FROM, such as `BODY=8BITMIME`. */
  readonly parameters: readonly string[]
  /** The message as it came, without dot-stuffing. */
  readonly raw: Buffer
}

/** What a mailbox does with a message whose final dot has come. */
export type Verdict =
  | { do: 'accept' }
  /** Answers so, 4xx or 5xx, and keeps nothing. */
  | { do: 'answer'; reply: string }
  /** Accepts once the promise is fulfilled, or answers with `reply` and keeps nothing. */
  | { do: 'wait'; until: Promise<unknown>; reply?: string }
  /** Closes the connection without an answer; keeps nothing, unless `kept`. */
  | { do: 'drop'; kept?: boolean }

/** What it does with a recipient, or with DATA, instead of 250 or 354: `drop` closes the connection. */
export type Objection = string | 'drop' | undefined

export interface MailboxOptions {
  /** Asked at each final dot; by default everything is accepted. */
  readonly verdict?: (message: Received) => Verdict
  readonly onRecipient?: (address: string) => Objection | Promise<Objection>
  /** `drop`: as soon as the first octets of the message have come. */
  readonly onData?: (to: readonly string[]) => Objection
  /** What EHLO offers; default 8BITMIME, SMTPUTF8, PIPELINING and a SIZE of 100 MB. */
  readonly offers?: readonly string[]
}

/** A plain SMTP server that keeps what it accepts: the next hop for originals. */
export interface Mailbox {
  readonly host: string
  readonly port: number
  readonly messages: Ledger<Received>
  close(): Promise<void>
}

const END_OF_DATA = Buffer.from('\r\n.\r\n')
/** A path in angle brackets; a quoted local part may itself have brackets. */
const PATH = '<((?:"(?:[^"\\\\]|\\\\.)*"|[^">])*)>'
const MAIL = new RegExp(`^MAIL FROM: ?${PATH}(.*)$`, 'i')
const RCPT = new RegExp(`^RCPT TO: ?${PATH}`, 'i')
const OFFERS = ['8BITMIME', 'SMTPUTF8', 'PIPELINING', 'SIZE 104857600']

export async function startMailbox(options: MailboxOptions = {}): Promise<Mailbox> {
  const messages = new Ledger<Received>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // A client that breaks off is part of the tests; its message counts as not received.
    socket.on('error', () => socket.destroy())
    new Conversation(socket, options, messages)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { address, port } = server.address() as AddressInfo
  return { host: address, port, messages, close: () => closeAll(server, sockets) }
}

/** One connection: commands line by line, and after DATA everything up to the final dot. */
class Conversation {
  private unread: Buffer[] = []
  /** The last bytes read, as many as an end of data that has begun can have. */
  private tail = Buffer.alloc(0)
  private inData = false
  private busy = false
  private from: { path: string; parameters: string[] } | undefined
  private to: string[] = []

  constructor(
    private readonly socket: Socket,
    private readonly options: MailboxOptions,
    private readonly messages: Ledger<Received>,
  ) {
    socket.on('data', (chunk) => this.read(chunk))
    this.say('220 mailbox.test ESMTP')
  }

  private read(chunk: Buffer): void {
    if (this.inData && this.object(this.options.onData?.(this.to))) return
    this.unread.push(chunk)
    const fresh = Buffer.concat([this.tail, chunk])
    this.tail = fresh.subarray(-(END_OF_DATA.length - 1))
    // Joining the chunks only when the end has come keeps a long message linear.
    if (!this.busy && (!this.inData || fresh.includes(END_OF_DATA))) this.proceed()
  }

  /** Handles what is complete; the rest waits for more bytes, or for a verdict. */
  private proceed(): void {
    let rest = Buffer.concat(this.unread)
    while (!this.busy) {
      const end = rest.indexOf(this.inData ? END_OF_DATA : '\r\n')
      if (end === -1) break
      if (this.inData) {
        const data = rest.subarray(2, end + 2)
        rest = rest.subarray(end + END_OF_DATA.length)
        this.message(unstuff(data))
      } else {
        const line = rest.toString('utf8', 0, end)
        rest = rest.subarray(end + 2)
        this.command(line)
        // The data of an empty message begin with the dot: give its CRLF to every message.
        if (this.inData) rest = Buffer.concat([Buffer.from('\r\n'), rest])
      }
    }
    this.unread = [rest]
  }

  private command(line: string): void {
    const [verb = ''] = line.split(/[ :]/, 1)
    switch (verb.toUpperCase()) {
      case 'EHLO':
      case 'LHLO':
        return this.say(ehloReply(this.options.offers ?? OFFERS))
      case 'HELO':
        return this.say('250 mailbox.test')
      case 'MAIL': {
        const [, path, parameters] = MAIL.exec(line) ?? []
        if (path === undefined) return this.say('501 5.5.4 Syntax')
        this.reset()
        this.from = { path, parameters: parameters?.trim().split(/ +/).filter(Boolean) ?? [] }
        return this.say('250 2.1.0 OK')
      }
      case 'RCPT': {
        const [, path] = RCPT.exec(line) ?? []
        if (path === undefined) return this.say('501 5.5.4 Syntax')
        if (this.from === undefined) return this.say('503 5.5.1 MAIL first')
        return this.recipient(path, this.options.onRecipient?.(path))
      }
      case 'DATA':
        if (this.to.length === 0) return this.say('503 5.5.1 RCPT first')
        this.inData = true
        return this.say('354 Go on')
      case 'RSET':
        this.reset()
        return this.say('250 2.0.0 OK')
      case 'NOOP':
        return this.say('250 2.0.0 OK')
      case 'QUIT':
        this.say('221 2.0.0 Bye')
        this.socket.end()
        return
      default:
        return this.say('502 5.5.2 Unknown')
    }
  }

  private recipient(path: string, objection: Objection | Promise<Objection>): void {
    if (objection instanceof Promise) {
      this.busy = true
      void objection.then((known) => {
        this.busy = false
        this.recipient(path, known)
        this.proceed()
      })
    } else if (!this.object(objection)) {
      this.to.push(path)
      this.say('250 2.1.5 OK')
    }
  }

  private object(objection: Objection): boolean {
    if (objection === 'drop') this.socket.destroy()
    else if (objection !== undefined) this.say(objection)
    return objection !== undefined
  }

  private message(raw: Buffer): void {
    this.inData = false
    const { path = '', parameters = [] } = this.from ?? {}
    const message: Received = { from: path, to: this.to, parameters, raw }
    this.reset()
    const verdict = this.options.verdict?.(message) ?? { do: 'accept' }
    switch (verdict.do) {
      case 'accept':
        return this.accept(message)
      case 'answer':
        return this.say(verdict.reply)
      case 'drop':
        if (verdict.kept) this.messages.add(message)
        this.socket.destroy()
        return
      case 'wait':
        this.busy = true
        void verdict.until.then(() => {
          this.busy = false
          if (verdict.reply === undefined) this.accept(message)
          else this.say(verdict.reply)
          this.proceed()
        })
    }
  }

  private accept(message: Received): void {
    this.messages.add(message)
    this.say('250 2.0.0 Kept')
  }

  private reset(): void {
    this.from = undefined
    this.to = []
  }

  private say(reply: string): void {
    if (this.socket.writable) this.socket.write(`${reply}\r\n`)
  }
}

function ehloReply(offers: readonly string[]): string {
  const lines = ['mailbox.test', ...offers]
  return lines.map((line, at) => `250${at === lines.length - 1 ? ' ' : '-'}${line}`).join('\r\n')
}

/** Takes the added dot from each line that begins with one (RFC 5321 4.5.2). */
function unstuff(data: Buffer): Buffer {
  const kept: Buffer[] = []
  let from = data[0] === 0x2e ? 1 : 0
  for (let at = data.indexOf('\r\n.'); at !== -1; at = data.indexOf('\r\n.', at + 3)) {
    kept.push(data.subarray(from, at + 2))
    from = at + 3
  }
  kept.push(data.subarray(from))
  return Buffer.concat(kept)
}

function closeAll(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  for (const socket of sockets) socket.destroy()
  return closed
}
