import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { answer } from './program'
import type { SinkOptions, SinkQuestion } from './sink'

const END_OF_DATA = Buffer.from('\r\n.\r\n')
const GREETING = '220 sink.test ESMTP\r\n'

let taken = 0
let waiting: { count: number; resolve: () => void }[] = []

function take(): void {
  taken++
  if (waiting.length === 0) return
  for (const each of waiting) if (each.count <= taken) each.resolve()
  waiting = waiting.filter((each) => each.count > taken)
}

interface Offer {
  readonly keywords: readonly string[]
  readonly context: SecureContext | undefined
}

/** One connection: what has come is read to its end, and all of its replies go out in one write. */
class Conversation {
  private readonly offer: Offer
  private socket: Socket
  private secure = false
  /** Bytes of a command, or of an end of data, that has begun. */
  private rest: Buffer = Buffer.alloc(0)
  private state: 'command' | 'data' | 'chunk' = 'command'
  private chunkLeft = 0
  private lastChunk = false
  private replies = ''

  constructor(socket: Socket, offer: Offer) {
    this.offer = offer
    this.socket = socket
    this.attend(socket)
    socket.write(GREETING)
  }

  private attend(socket: Socket): void {
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes: Buffer) => this.read(bytes))
  }

  private read(fresh: Buffer): void {
    let bytes = this.rest.length > 0 ? Buffer.concat([this.rest, fresh]) : fresh
    let before = -1
    while (bytes.length > 0 && bytes.length !== before) {
      before = bytes.length
      if (this.state === 'command') bytes = this.readLine(bytes)
      else if (this.state === 'data') bytes = this.readData(bytes)
      else bytes = this.readChunk(bytes)
    }
    // A copy, or a few bytes would keep a large buffer.
    this.rest = Buffer.from(bytes)
    if (this.replies !== '' && this.socket.writable) this.socket.write(this.replies)
    this.replies = ''
  }

  private readLine(bytes: Buffer): Buffer {
    const end = bytes.indexOf('\r\n')
    if (end === -1) return bytes
    this.command(bytes.toString('latin1', 0, end))
    // The data of an empty message begin with the dot: they are given the CRLF before it.
    return bytes.subarray(this.state === 'data' ? end : end + 2)
  }

  private readData(bytes: Buffer): Buffer {
    const end = bytes.indexOf(END_OF_DATA)
    if (end === -1) return bytes.subarray(-(END_OF_DATA.length - 1))
    this.state = 'command'
    this.accept()
    return bytes.subarray(end + END_OF_DATA.length)
  }

  private readChunk(bytes: Buffer): Buffer {
    const rest = bytes.subarray(this.chunkLeft)
    this.chunkLeft -= bytes.length - rest.length
    if (this.chunkLeft === 0) this.endChunk()
    return rest
  }

  private endChunk(): void {
    this.state = 'command'
    if (this.lastChunk) this.accept()
    else this.say('250 2.0.0 Chunk')
  }

  private accept(): void {
    take()
    this.say('250 2.0.0 Taken')
  }

  private command(line: string): void {
    const [verb = '', argument = '', last = ''] = line.split(' ')
    switch (verb.toUpperCase()) {
      case 'EHLO':
        return this.say(this.ehlo())
      case 'HELO':
      case 'MAIL':
      case 'RCPT':
      case 'RSET':
      case 'NOOP':
        return this.say('250 2.0.0 OK')
      case 'DATA':
        this.state = 'data'
        return this.say('354 Go on')
      case 'BDAT':
        this.state = 'chunk'
        this.chunkLeft = Number(argument)
        this.lastChunk = last.toUpperCase() === 'LAST'
        if (this.chunkLeft === 0) this.endChunk()
        return
      case 'STARTTLS':
        return this.startTls()
      case 'QUIT':
        this.socket.end(`${this.replies}221 2.0.0 Bye\r\n`)
        this.replies = ''
        return
      default:
        return this.say('502 5.5.2 Unknown')
    }
  }

  private ehlo(): string {
    const { keywords, context } = this.offer
    const lines = ['sink.test', ...keywords, ...(context && !this.secure ? ['STARTTLS'] : [])]
    return lines.map((line, at) => `250${at === lines.length - 1 ? ' ' : '-'}${line}`).join('\r\n')
  }

  private startTls(): void {
    const { context } = this.offer
    if (context === undefined || this.secure) return this.say('502 5.5.1 No')
    this.secure = true
    const plain = this.socket
    plain.removeAllListeners('data')
    plain.write('220 2.0.0 Go on\r\n')
    this.socket = new TLSSocket(plain, { isServer: true, secureContext: context })
    this.attend(this.socket)
  }

  private say(reply: string): void {
    this.replies += `${reply}\r\n`
  }
}

function listen({ tls, keywords, host = '127.0.0.1', port = 0 }: SinkOptions): Promise<number> {
  const offer = { keywords, context: tls && createSecureContext(tls) }
  const server = createServer((socket) => void new Conversation(socket, offer))
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}

answer<SinkQuestion>(async (question) => {
  switch (question.ask) {
    case 'listen':
      return listen(question.options)
    case 'count':
      return taken
    case 'until':
      if (question.count <= taken) return
      return new Promise<void>((resolve) => waiting.push({ count: question.count, resolve }))
  }
})
