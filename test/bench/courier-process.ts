import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Load, Trip } from './courier'
import { answer } from './program'

const LINE = 'A line of text, as long as lines of text in mail mostly are, and then its end.\r\n'
const MAIL = 'MAIL FROM:<sender@far.example>'
const RCPT = 'RCPT TO:<recipient@example.com>'
const FINAL_REPLY = 300_000

let number = 0

/** The message up to its own Message-ID, which is what tells one from the other. */
function head(): string {
  const id = `${process.pid}.${++number}`
  return (
    'From: Sender <sender@far.example>\r\nTo: Recipient <recipient@example.com>\r\n' +
    `Subject: Message ${id}\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n` +
    `Message-ID: <${id}@far.example>\r\nMIME-Version: 1.0\r\n` +
    'Content-Type: text/plain; charset=us-ascii\r\n\r\n'
  )
}

function body(size: number): Buffer {
  const lines = Math.max(1, Math.round((size - head().length) / LINE.length))
  return Buffer.from(LINE.repeat(lines))
}

/** A connection that is written to, and asked for the next reply. */
class Line {
  private text = ''
  private readonly replies: string[] = []
  private next: { resolve: (reply: string) => void; reject: (error: Error) => void } | undefined
  private lost: Error | undefined

  constructor(readonly socket: Socket) {
    socket.setEncoding('latin1')
    socket.setTimeout(FINAL_REPLY, () => socket.destroy(new Error('no reply')))
    socket.on('data', (text: string) => this.read(text))
    socket.on('error', (error) => this.lose(error))
    socket.on('close', () => this.lose(new Error('the gateway closed the connection')))
  }

  async expect(code: string): Promise<void> {
    const reply = this.replies.shift() ?? (await this.coming())
    if (!reply.startsWith(code)) throw new Error(`${code} was expected, it says: ${reply}`)
  }

  private coming(): Promise<string> {
    if (this.lost) return Promise.reject(this.lost)
    return new Promise((resolve, reject) => {
      this.next = { resolve, reject }
    })
  }

  private read(text: string): void {
    const lines = (this.text + text).split('\r\n')
    this.text = lines.pop() ?? ''
    for (const line of lines) {
      if (line[3] === '-') continue
      const { next } = this
      this.next = undefined
      if (next) next.resolve(line)
      else this.replies.push(line)
    }
  }

  private lose(error: Error): void {
    this.lost ??= error
    this.next?.reject(this.lost)
  }
}

async function say(line: Line, commands: readonly string[], load: Load): Promise<void> {
  if (load.pipelining) line.socket.write(commands.join('\r\n') + '\r\n')
  for (const command of commands) {
    if (!load.pipelining) line.socket.write(`${command}\r\n`)
    await line.expect(command === 'DATA' ? '354' : '250')
  }
}

interface Job {
  readonly load: Load
  /** The body of all messages. */
  readonly text: Buffer
  readonly there: { count: number; all: () => void; wait: Promise<void> }
}

function jobOf(load: Load): Job {
  let all = () => {}
  const wait = new Promise<void>((resolve) => (all = resolve))
  return { load, text: body(load.size), there: { count: 0, all, wait } }
}

async function allThere(socket: Socket, { load, there }: Job): Promise<void> {
  socket.uncork()
  if (socket.writableNeedDrain) await once(socket, 'drain')
  if (++there.count === load.messages) there.all()
  await there.wait
}

async function connection(job: Job, messages: number): Promise<number[]> {
  const { load, text } = job
  const socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true })
  const line = new Line(socket)
  const waits: number[] = []
  await line.expect('220')
  await say(line, ['EHLO client.far.example'], load)
  for (let i = 0; i < messages; i++) {
    await say(line, [MAIL, RCPT, 'DATA'], load)
    socket.cork()
    socket.write(head())
    socket.write(text)
    if (load.together) await allThere(socket, job)
    socket.write('.\r\n')
    socket.uncork()
    if (socket.writableNeedDrain) await once(socket, 'drain')
    const dot = performance.now()
    await line.expect('250')
    waits.push(performance.now() - dot)
  }
  socket.write('QUIT\r\n')
  await line.expect('221')
  socket.destroy()
  return waits
}

async function bring(load: Load): Promise<Trip> {
  const job = jobOf(load)
  const waits: number[] = []
  let left = load.messages
  const worker = async () => {
    while (left > 0) {
      const messages = Math.min(load.perConnection, left)
      left -= messages
      waits.push(...(await connection(job, messages)))
      if (load.pause > 0) await sleep(load.pause)
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: load.connections }, worker))
  return { seconds: (performance.now() - start) / 1000, waits }
}

answer<Load>(bring)
