import type { Socket } from 'node:net'
import type { Clock, Timer } from '../clock'
import { CLOSED, type Loss, lossOf, protocolLoss, TIMED_OUT } from './loss'
import { type Parsed, ReplyParser } from './reply'
import { type Answer, judge, type Step, type Verb } from './step'
import type { SecureSocket } from './tls'

/** All that is ever written in plain text. */
export type PlainLine = `EHLO ${string}` | 'STARTTLS'

/** The server says that it closes (RFC 5321 section 3.8); it may say so unasked. */
const CLOSING = 421

/**
 * Commands and replies over one socket: one command at a time, each reply under a timer. Octets
 * that no command asked for end it, for then the two sides are out of step. `Line` says by type
 * what may be written: a conversation in plain text takes no MAIL.
 */
export class Conversation<in Line extends string> {
  private readonly parser = new ReplyParser()
  private reading: { resolve: (answer: Answer) => void; timer: Timer } | undefined
  private loss: Loss | undefined
  private readonly lossListeners: ((loss: Loss) => void)[] = []

  private constructor(
    private readonly socket: Socket,
    private readonly clock: Clock,
  ) {
    socket.on('data', this.onData)
    socket.on('error', this.onError)
    socket.on('end', this.onEnd)
    socket.on('close', this.onEnd)
  }

  static plain(socket: Socket, clock: Clock): Conversation<PlainLine> {
    return new Conversation<PlainLine>(socket, clock)
  }

  static secure(socket: SecureSocket, clock: Clock): Conversation<string> {
    return new Conversation<string>(socket, clock)
  }

  /** Why the connection is gone; undefined while it stands. */
  get lost(): Loss | undefined {
    return this.loss
  }

  /** Octets came behind the last reply. */
  get pending(): boolean {
    return this.parser.pending
  }

  /** Called once when the connection is gone, whoever ended it. */
  onLost(listener: (loss: Loss) => void): void {
    this.lossListeners.push(listener)
  }

  /** Writes one command and reads its reply, at most `ms` long. */
  async exchange<V extends Verb>(command: V, line: Line, ms: number): Promise<Step<V>> {
    const early = this.takeEarly()
    if (early) return this.judged(command, early)
    if (hasControl(line)) this.end(protocolLoss('a command with control characters was not sent'))
    const answer = this.answer(ms)
    if (!this.loss) this.socket.write(`${line}\r\n`)
    return this.judged(command, await answer)
  }

  /** Reads a reply that no line asks for: the greeting, and the one to the final dot. */
  async read<V extends Verb>(command: V, ms: number): Promise<Step<V>> {
    return this.judged(command, await this.answer(ms))
  }

  /** Starts the timer of the reply that is awaited anew, with `ms`. */
  patience(ms: number): void {
    if (!this.reading) return
    this.reading.timer.cancel()
    this.reading.timer = this.clock.after(ms, () => this.end(TIMED_OUT))
  }

  /** Ends the connection; a reply that is awaited becomes this loss. */
  end(loss: Loss): void {
    if (this.loss) return
    this.loss = loss
    this.detach()
    this.socket.destroy()
    this.settle({ kind: 'lost', failure: loss })
    for (const listener of this.lossListeners.splice(0)) listener(loss)
  }

  /** Leaves the socket to someone else, as STARTTLS needs it. */
  detach(): void {
    this.socket.off('data', this.onData)
    this.socket.off('error', this.onError)
    this.socket.off('end', this.onEnd)
    this.socket.off('close', this.onEnd)
  }

  private answer(ms: number): Promise<Answer> {
    if (this.loss) return Promise.resolve({ kind: 'lost', failure: this.loss })
    return new Promise((resolve) => {
      this.reading = { resolve, timer: this.clock.after(ms, () => this.end(TIMED_OUT)) }
      this.takeReply()
    })
  }

  private judged<V extends Verb>(command: V, answer: Answer): Step<V> {
    const step = judge(command, answer)
    if (step.kind === 'lost') this.end(step.failure)
    return step
  }

  /** A reply that came before its command. Only 421 may. */
  private takeEarly(): Answer | undefined {
    if (this.loss || !this.parser.pending) return undefined
    const parsed = this.parser.next()
    if (parsed.kind === 'reply' && parsed.reply.code === CLOSING) return parsed
    const failure = protocolLoss('a reply came before its command')
    this.end(failure)
    return { kind: 'lost', failure }
  }

  private takeReply(): void {
    const parsed: Parsed = this.parser.next()
    if (parsed.kind === 'garbage') this.end(protocolLoss(`unreadable reply: ${parsed.why}`))
    if (parsed.kind === 'reply') this.settle(parsed)
  }

  private settle(answer: Answer): void {
    const { reading } = this
    if (!reading) return
    this.reading = undefined
    reading.timer.cancel()
    reading.resolve(answer)
  }

  private readonly onData = (chunk: Buffer): void => {
    this.parser.push(chunk)
    if (this.reading) this.takeReply()
    else this.end(protocolLoss('data that no command asked for'))
  }

  private readonly onError = (error: Error): void => this.end(lossOf(error))

  private readonly onEnd = (): void => this.end(CLOSED)
}

/** Nothing that could end a line reaches the wire inside one, wherever the value came from. */
function hasControl(line: string): boolean {
  for (let at = 0; at < line.length; at++) {
    const unit = line.charCodeAt(at)
    if (unit < 0x20 || unit === 0x7f) return true
  }
  return false
}
