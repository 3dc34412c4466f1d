import type { Socket } from 'node:net'
import type { Clock, Timer } from '../clock'
import {
  CLOSED,
  GIVEN_UP,
  GOODBYE,
  isEnd,
  isOfWriting,
  type Loss,
  lossOf,
  protocolLoss,
  TIMED_OUT,
} from './loss'
import type { Reply } from './outcome'
import { type Parsed, replyLine, ReplyParser } from './reply'
import { ReplyOrder } from './reply-order'
import { type Heard, CLOSING, judge, type Judged, type Verb } from './heard'
import type { SecureSocket } from './tls'

/** All that is ever written in plain text. */
export type PlainLine = `EHLO ${string}` | 'STARTTLS'

/** A command line, and the longest wait for its reply in milliseconds. */
export interface CommandLine<V extends Verb, Line extends string> {
  readonly command: V
  readonly line: Line
  /** Octets right behind the line, such as those of a chunk. */
  readonly content?: Buffer
  readonly ms: number
  /** Behind such a refusal nothing is believed: the connection is given up. */
  readonly spoils?: (reply: Reply) => boolean
}

/** A reply that is awaited. Its time begins when all before it have come. */
interface Awaited {
  readonly command: Verb
  readonly resolve: (step: Judged<Verb>) => void
  readonly ms: number
  readonly spoils?: ((reply: Reply) => boolean) | undefined
  /** The system did not take what it answers. */
  isUnsent?: true
}

/**
 * Commands and replies over one socket. Replies come in the order of the commands, each under a
 * timer; several commands may be on their way (RFC 2920). Octets that no command asked for end it,
 * for then the two sides are out of step. `Line` says by type what may be written: a conversation
 * in plain text takes no MAIL.
 */
export class Conversation<in Line extends string> {
  private readonly parser = new ReplyParser()
  private readonly order = new ReplyOrder()
  private readonly awaited: Awaited[] = []
  private timer: Timer | undefined
  private loss: Loss | undefined
  /** The server said 421. */
  private closing = false
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

  /** The peer closed the connection, or said 421, behind which it does. */
  get endedByPeer(): boolean {
    if (this.closing) return true
    return this.loss !== undefined && this.loss !== GIVEN_UP && isEnd(this.loss)
  }

  /** Some command has no reply yet. */
  get isAwaiting(): boolean {
    return this.awaited.length > 0
  }

  /** Octets came behind the last reply that was asked for. */
  get pending(): boolean {
    return this.awaited.length === 0 && this.parser.pending
  }

  /** No reply to `one` could be taken for one to `other`. */
  tellsApart(one: Verb, other: Verb): boolean {
    return this.order.tellsApart(one, other)
  }

  /** `reply` might as well be one to `command`. */
  isAsTo(command: Verb, reply: Reply): boolean {
    return this.order.isAsTo(command, reply)
  }

  /** Called once when the connection is gone, whoever ended it. */
  onLost(listener: (loss: Loss) => void): void {
    this.lossListeners.push(listener)
  }

  /** Writes one command and reads its reply, at most `ms` long. */
  async exchange<V extends Verb>(command: V, line: Line, ms: number): Promise<Judged<V>> {
    const [step] = this.group([{ command, line, ms }])
    return (await step) as Judged<V>
  }

  /**
   * Writes commands, and what belongs to them, in one piece; the replies in their order. `onWritten`
   * tells that the system has taken all of it.
   */
  group<V extends Verb>(
    commands: readonly CommandLine<V, Line>[],
    onWritten: () => void = () => {},
  ): Promise<Judged<V>>[] {
    if (commands.length === 0) return []
    const early = this.takeEarly()
    if (early) {
      const rest: Judged<V> = { kind: 'lost', failure: this.loss ?? CLOSED }
      return commands.map(async ({ command }, at) => (at === 0 ? judge(command, early) : rest))
    }
    if (commands.some(({ line }) => hasControl(line))) {
      this.end(protocolLoss('a command with control characters was not sent'))
    }
    const steps = commands.map(({ command, ms, spoils }) => this.read(command, ms, spoils))
    if (this.loss) return steps
    const parts = commands.map(({ line, content = NOTHING }) => [
      Buffer.from(`${line}\r\n`),
      content,
    ])
    // One write: small ones apart would each wait for an acknowledgement that the peer delays.
    this.write(Buffer.concat(parts.flat()), commands.length, onWritten)
    return steps
  }

  /** Reads a reply that no line asks for: the greeting, and the one to the final dot. */
  read<V extends Verb>(
    command: V,
    ms: number,
    spoils?: (reply: Reply) => boolean,
  ): Promise<Judged<V>> {
    if (this.loss) return Promise.resolve({ kind: 'lost', failure: this.loss })
    const step = new Promise<Judged<Verb>>((resolve) => {
      this.awaited.push({ command, resolve, ms, spoils })
    })
    if (this.awaited.length === 1) {
      this.startTimer(ms)
      this.takeReplies()
    }
    return step as Promise<Judged<V>>
  }

  /** Writes what ends a message, and reads the reply. */
  finish(octets: Buffer, ms: number): Promise<Judged> {
    const step = this.read('BODY', ms)
    if (!this.loss) this.write(octets, 1)
    return step
  }

  /** What the last `replies` that are awaited answer. */
  private write(octets: Buffer, replies: number, onWritten = (): void => {}): void {
    const answers = this.awaited.slice(-replies)
    this.socket.write(octets, (error) => {
      if (!error) onWritten()
      else if (isOfWriting(error)) for (const answer of answers) answer.isUnsent = true
    })
  }

  /** Starts the timer of the reply that is awaited anew, with `ms`. */
  patience(ms: number): void {
    if (this.awaited.length > 0) this.startTimer(ms)
  }

  /** Ends the connection; every reply that is awaited becomes this loss. */
  end(loss: Loss): void {
    if (this.loss) return
    this.loss = loss
    this.detach()
    this.socket.destroy()
    this.timer?.cancel()
    for (const { resolve, isUnsent } of this.awaited.splice(0)) {
      resolve({ kind: 'lost', failure: loss, ...(isUnsent && { isUnsent }) })
    }
    for (const listener of this.lossListeners.splice(0)) listener(loss)
  }

  /** Leaves the socket to someone else, as STARTTLS needs it. */
  detach(): void {
    this.socket.off('data', this.onData)
    this.socket.off('error', this.onError)
    this.socket.off('end', this.onEnd)
    this.socket.off('close', this.onEnd)
  }

  /** A reply that cannot be the one to `command` means that the two sides are out of step. */
  private judged(command: Verb, answer: Heard): Judged<Verb> {
    const step = judge(command, answer)
    if (step.kind !== 'passed') return step
    const owner = this.order.ownerOf(command, step.reply)
    if (owner !== undefined) {
      return lost(`the reply ${replyLine(step.reply)} to ${command} is one to ${owner}`)
    }
    // RSET ends a message: were its own reply still to come, those before were not what they seemed.
    return command === 'RSET' && this.saidTooMuch() ? lost('more than one reply') : step
  }

  /** Something stands behind the last reply that was awaited. A 421 may. */
  private saidTooMuch(): boolean {
    if (!this.pending) return false
    this.closing = isGoodbye(this.parser.next())
    return !this.closing || this.pending
  }

  /** A reply that came before its command. Only 421 may. */
  private takeEarly(): Heard | undefined {
    if (this.loss || !this.pending) return undefined
    const parsed = this.parser.next()
    if (isGoodbye(parsed)) {
      this.closing = true
      this.end(GIVEN_UP)
      return parsed
    }
    const failure = protocolLoss('a reply came before its command')
    this.end(failure)
    return { kind: 'lost', failure }
  }

  /** Only 421 may come unasked; it may come in pieces. */
  private hearUnasked(): void {
    const parsed = this.parser.next()
    if (parsed.kind === 'more') return
    this.closing = isGoodbye(parsed)
    this.end(this.closing ? GOODBYE : protocolLoss('data that no command asked for'))
  }

  /** Ends the connection if something stands behind the last reply that was asked for. */
  endIfPending(): void {
    if (!this.pending) return
    if (this.saidTooMuch()) this.end(protocolLoss('more than one reply'))
    else if (this.closing) this.end(GOODBYE)
  }

  private takeReplies(): void {
    this.answerAwaited()
    // RFC 5321 section 3.8: behind a 421 the server closes, and has not heard what stands behind.
    if (this.closing) this.end(GIVEN_UP)
  }

  private answerAwaited(): void {
    for (let [head] = this.awaited; head; [head] = this.awaited) {
      const parsed: Parsed = this.parser.next()
      if (parsed.kind === 'garbage') this.end(protocolLoss(`unreadable reply: ${parsed.why}`))
      if (parsed.kind !== 'reply') return
      this.awaited.shift()
      const [next] = this.awaited
      if (next) this.startTimer(next.ms)
      else this.timer?.cancel()
      // In the order of the replies: what comes behind one that is wrong is not believed.
      const step = this.judged(head.command, parsed)
      head.resolve(step)
      if (isGoodbye(parsed)) this.closing = true
      if (step.kind === 'lost') this.end(step.failure)
      if (step.kind === 'refused' && head.spoils?.(step.reply)) this.end(GIVEN_UP)
    }
  }

  private startTimer(ms: number): void {
    this.timer?.cancel()
    this.timer = this.clock.after(ms, () => this.end(TIMED_OUT))
  }

  private readonly onData = (chunk: Buffer): void => {
    const asked = this.awaited.length > 0
    this.parser.push(chunk)
    if (asked) this.takeReplies()
    else this.hearUnasked()
  }

  private readonly onError = (error: Error): void => this.end(lossOf(error))

  private readonly onEnd = (): void => this.end(CLOSED)
}

const NOTHING = Buffer.alloc(0)

/** The server closes the channel, which it may say at any time (RFC 5321 section 3.8). */
function isGoodbye(parsed: Parsed): parsed is Extract<Parsed, { kind: 'reply' }> {
  return parsed.kind === 'reply' && parsed.reply.code === CLOSING
}

function lost(reason: string): Judged<Verb> {
  return { kind: 'lost', failure: protocolLoss(reason) }
}

/** Nothing that could end a line reaches the wire inside one, wherever the value came from. */
function hasControl(line: string): boolean {
  for (let at = 0; at < line.length; at++) {
    const unit = line.charCodeAt(at)
    if (unit < 0x20 || unit === 0x7f) return true
  }
  return false
}
