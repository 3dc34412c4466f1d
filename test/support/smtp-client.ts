import { connect, type Socket } from 'node:net'
import { within } from './within'

export interface Reply {
  readonly code: number
  /** The reply's lines without the code. */
  readonly lines: readonly string[]
}

export interface Mail {
  /** Reverse-path without brackets; '' is the null sender. */
  readonly from: string
  readonly to: readonly string[]
  /** Sent as it is, dot-stuffed; must end with CRLF or be empty. */
  readonly raw: Buffer
  /** Parameters of MAIL FROM, such as `BODY=8BITMIME`. */
  readonly parameters?: readonly string[]
}

export interface ClientOptions {
  readonly port: number
  readonly host?: string
  readonly helo?: string
  /** The address to come from; the system's choice by default. */
  readonly localAddress?: string
  /** Longest wait for one reply; default 20 s. */
  readonly deadline?: number
}

/** Sends one mail over a connection of its own; the reply to its final dot. */
export async function sendMail(options: ClientOptions, mail: Mail): Promise<Reply> {
  const client = await SmtpClient.connect(options)
  try {
    return await client.send(mail)
  } finally {
    await client.quit()
  }
}

/** A plain SMTP client that sends exactly the bytes it is given, any number of mails. */
export class SmtpClient {
  private readonly socket: Socket
  private readonly deadline: number
  private readonly replies: Reply[] = []
  private readonly waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void }[] =
    []
  private unread = ''
  private lines: string[] = []
  private ended: Error | undefined

  private constructor(socket: Socket, deadline: number) {
    this.socket = socket
    this.deadline = deadline
    socket.setEncoding('utf8').on('data', (text: string) => this.read(text))
    socket.on('error', (error) => this.over(error))
    socket.on('close', () => this.over(new Error('the server closed the connection')))
  }

  /** Connects and says EHLO. */
  static async connect(options: ClientOptions): Promise<SmtpClient> {
    const { port, host = '127.0.0.1', localAddress } = options
    const { helo = 'client.test', deadline = 20_000 } = options
    const from = localAddress === undefined ? {} : { localAddress }
    const client = new SmtpClient(connect({ port, host, noDelay: true, ...from }), deadline)
    must(await client.reply('the greeting'), 220)
    must(await client.command(`EHLO ${helo}`), 250)
    return client
  }

  async command(line: string): Promise<Reply> {
    this.socket.write(`${line}\r\n`)
    return this.reply(line)
  }

  /** MAIL, RCPT and DATA, each of which must be accepted; the reply to the final dot, whatever it is. */
  async send(mail: Mail): Promise<Reply> {
    await this.begin(mail)
    return this.end(mail.raw)
  }

  /** After `begin`: the message with its final dot; the reply, whatever it is. */
  end(raw: Buffer): Promise<Reply> {
    return this.endWith(wireForm(raw))
  }

  /** The same with octets that are neither stuffed nor ended here. */
  endWith(octets: Buffer): Promise<Reply> {
    this.socket.write(octets)
    return this.reply('the final dot')
  }

  /** Sends all of a mail and closes the connection without waiting for the reply to the final dot. */
  async sendAndHangUp(mail: Mail): Promise<void> {
    await this.begin(mail)
    await new Promise<void>((resolve) => this.socket.write(wireForm(mail.raw), () => resolve()))
    this.hangUp()
  }

  /** Everything up to the 354; the data are the caller's to `write`. */
  async begin(mail: Omit<Mail, 'raw'>): Promise<void> {
    must(
      await this.command(['MAIL FROM:<' + mail.from + '>', ...(mail.parameters ?? [])].join(' ')),
    )
    for (const to of mail.to) must(await this.command(`RCPT TO:<${to}>`))
    must(await this.command('DATA'), 354)
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes)
  }

  hangUp(): void {
    this.socket.destroy()
  }

  async quit(): Promise<void> {
    if (this.ended !== undefined) return
    await this.command('QUIT').catch(() => undefined)
    this.socket.destroy()
  }

  private reply(to: string): Promise<Reply> {
    const reply = this.replies.shift()
    if (reply !== undefined) return Promise.resolve(reply)
    if (this.ended !== undefined) return Promise.reject(this.ended)
    const next = new Promise<Reply>((resolve, reject) => this.waiting.push({ resolve, reject }))
    return within(this.deadline, `no reply to ${to}`, next)
  }

  private read(text: string): void {
    const lines = (this.unread + text).split('\r\n')
    this.unread = lines.pop() ?? ''
    for (const line of lines) {
      this.lines.push(line.slice(4))
      if (line[3] === '-') continue
      const reply = { code: Number(line.slice(0, 3)), lines: this.lines }
      this.lines = []
      const waiting = this.waiting.shift()
      if (waiting === undefined) this.replies.push(reply)
      else waiting.resolve(reply)
    }
  }

  private over(error: Error): void {
    this.ended ??= error
    for (const waiting of this.waiting.splice(0)) waiting.reject(this.ended)
  }
}

/** The bytes that follow the 354: dot-stuffed, with the final dot. */
export function wireForm(raw: Buffer): Buffer {
  if (raw.length > 0 && !raw.subarray(-2).equals(CRLF)) {
    throw new Error('a message must end with CRLF')
  }
  const parts: Buffer[] = []
  let from = 0
  for (let at = lineDot(raw, 0); at !== -1; at = lineDot(raw, at + 1)) {
    parts.push(raw.subarray(from, at), DOT)
    from = at
  }
  return Buffer.concat([...parts, raw.subarray(from), DOT, CRLF])
}

const CRLF = Buffer.from('\r\n')
const DOT = Buffer.from('.')

/** Where the next line that begins with a dot begins, at or after `from`; -1: nowhere. */
function lineDot(raw: Buffer, from: number): number {
  if (from === 0 && raw[0] === 0x2e) return 0
  const at = raw.indexOf('\r\n.', Math.max(0, from - 2))
  return at === -1 ? -1 : at + 2
}

function must(reply: Reply, code?: number): void {
  const good = code === undefined ? reply.code >= 200 && reply.code < 300 : reply.code === code
  if (!good) throw new Error(`refused: ${reply.code} ${reply.lines.join(' / ')}`)
}
