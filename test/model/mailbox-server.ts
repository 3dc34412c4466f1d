import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { type HopEnd, LATE } from './plan'

/** Milliseconds. */
const A_MOMENT = 1_000

/** Who has the mail; and who may have it as far as the gateway can know, for it had no answer in time. */
export interface Kept {
  readonly mailboxes: string[]
  readonly unanswered: string[]
}

/**
 * The mailbox server behind the gateways, SMTP or LMTP (RFC 2033). MAIL FROM names what it does, and the
 * mail, as `<hop.closes-at-MAIL.ID@sender.example>`; recipients named `gone` and `full` it refuses.
 */
export class MailboxServer {
  private readonly mails = new Map<string, Kept>()
  private readonly sockets = new Set<Socket>()
  private readonly server = createServer((socket) => this.take(socket))

  /** Also when it is closed, and nobody listens there any more. */
  port = 0

  private constructor(private readonly mute: boolean) {}

  /** `mute`: every connection is closed at once. */
  static async start({ mute = false } = {}): Promise<MailboxServer> {
    const hop = new MailboxServer(mute)
    await new Promise<void>((resolve) => hop.server.listen(0, '127.0.0.1', resolve))
    hop.port = (hop.server.address() as AddressInfo).port
    return hop
  }

  /** Conversations that it is late in, or was a moment ago: a mail may still come of them. */
  late = 0

  /** What became of a mail. */
  of(id: string): Kept {
    const known = this.mails.get(id) ?? { mailboxes: [], unanswered: [] }
    this.mails.set(id, known)
    return known
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const socket of this.sockets) socket.destroy()
    return closed
  }

  private take(socket: Socket): void {
    socket.on('error', () => socket.destroy())
    if (this.mute) return void socket.destroy()
    this.sockets.add(socket)
    socket.setNoDelay(true)
    socket.once('close', () => this.sockets.delete(socket))
    const conversation = new Conversation(socket, this)
    conversation.run().catch(() => socket.destroy())
  }
}

class Conversation {
  private end: HopEnd = 'takes'
  private id = ''
  private to: string[] = []
  private lmtp = false
  private readonly lines: AsyncIterator<string>

  constructor(
    private readonly socket: Socket,
    private readonly server: MailboxServer,
  ) {
    this.lines = createInterface({ input: socket, crlfDelay: Infinity })[Symbol.asyncIterator]()
  }

  async run(): Promise<void> {
    this.say('220 mailbox.test')
    for (let line = await this.next(); line !== undefined; line = await this.next()) {
      const [, verb = '', path = ''] = /^(\w+)(?:.*?<(.*)>)?/.exec(line) ?? []
      await this.command(verb.toUpperCase(), path)
    }
  }

  private async command(verb: string, path: string): Promise<void> {
    if (verb === 'MAIL') this.begin(path)
    if (this.end === `closes at ${verb}`) return this.close()
    switch (verb) {
      case 'EHLO':
      case 'LHLO':
        this.lmtp = verb === 'LHLO'
        return this.say('250-mailbox.test\r\n250-8BITMIME\r\n250 SMTPUTF8')
      case 'MAIL':
        if (this.end === 'refuses MAIL') return this.say('550 No')
        return this.say(this.end === 'defers MAIL' ? '451 Later' : '250 Ok')
      case 'RCPT':
        return this.recipient(path.toLowerCase())
      case 'DATA':
        if (this.end === 'refuses DATA' || this.to.length === 0) return this.say('554 No')
        this.say('354 Go on')
        return this.message()
      case 'QUIT':
        this.say('221 Bye')
        this.socket.end()
        return
      default:
        return this.say('250 Ok')
    }
  }

  private begin(path: string): void {
    const [, end = 'takes', id = ''] = /^hop\.(.*)\.(.*)@/.exec(path) ?? []
    this.end = end.replace(/-/g, ' ') as HopEnd
    this.id = id
    this.to = []
  }

  private async recipient(address: string): Promise<void> {
    const refusal = refusalOf(address)
    if (refusal === undefined) this.to.push(address)
    if (this.end === 'late at RCPT') await this.late()
    this.say(refusal ?? '250 Ok')
  }

  private async message(): Promise<void> {
    for (let line = await this.next(); line !== '.'; line = await this.next()) {
      if (this.end === 'closes in message') this.unanswered()
      if (line === undefined || this.end === 'closes in message') return this.close()
    }
    switch (this.end) {
      case 'closes after the dot':
        this.unanswered()
        return this.close()
      case 'closes after taking':
        this.keep()
        return this.close()
      case 'late to refuse':
        await this.late()
        return this.answer('554 No')
      case 'refuses message':
        return this.answer('554 No')
      case 'defers message':
        return this.answer('452 Later')
      case 'late after taking':
        this.keep()
        await this.late()
        return this.answer('250 Kept')
      default:
        this.keep()
        return this.answer('250 Kept')
    }
  }

  private keep(): void {
    this.server.of(this.id).mailboxes.push(...this.to)
  }

  private unanswered(): void {
    this.server.of(this.id).unanswered.push(...this.to)
  }

  private async late(): Promise<void> {
    this.unanswered()
    this.server.late++
    await sleep(LATE)
    setTimeout(() => this.server.late--, A_MOMENT)
  }

  /** LMTP: one for each recipient. */
  private answer(reply: string): void {
    const replies = this.lmtp ? this.to.map(() => reply) : [reply]
    for (const each of replies) this.say(each)
  }

  private async next(): Promise<string | undefined> {
    const { value, done } = await this.lines.next()
    return done ? undefined : value
  }

  private say(reply: string): void {
    if (this.socket.writable) this.socket.write(`${reply}\r\n`)
  }

  private close(): void {
    this.socket.destroy()
  }
}

function refusalOf(path: string): string | undefined {
  if (path.startsWith('gone')) return '550 5.1.1 No such mailbox'
  return path.startsWith('full') ? '452 4.2.2 Mailbox full' : undefined
}
