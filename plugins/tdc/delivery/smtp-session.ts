import type { Clock } from '../clock'
import type { Report } from '../monitor/events'
import { type Capabilities, capabilitiesOf } from './capabilities'
import { Conversation } from './conversation'
import { envelopeOf } from './envelope'
import { GIVEN_UP, type Loss, protocolLoss } from './loss'
import type { Timeouts } from './options'
import type { Command, Failure, Reply } from './outcome'
import type { Outgoing } from './outgoing'
import { type Peer, reportFailure } from './peer'
import { replyLine } from './reply'
import type { SendResult, Session } from './session'
import { failureOf } from './step'
import type { SecureSocket } from './tls'
import { type Transmission, type Transmit, transmitFor } from './transmit'
import { Wire } from './wire'

/** Milliseconds that the farewell may take: QUIT, its reply and the close. */
const FAREWELL = 5_000

/** The server is closing (RFC 5321 section 3.8), or has lost count of the steps as we see them. */
const CLOSES_CONNECTION: readonly number[] = [421, 503]
const CLOSING = 421

export interface SessionOptions {
  readonly helo: string
  readonly timeouts: Timeouts
  readonly clock: Clock
  readonly report: Report
}

export type SessionOpened =
  { kind: 'open'; session: SmtpSession } | { kind: 'failed'; failure: Failure }

/** The conversation inside TLS: takes one message after the other. */
export class SmtpSession implements Session {
  readonly window = 1
  private readonly transmit: Transmit
  private readonly wire: Wire
  /** Messages that the intake has answered, yes or no. */
  private answered = 0
  private busy = false
  private destroyed = false

  private constructor(
    private readonly socket: SecureSocket,
    private readonly conversation: Conversation<string>,
    private readonly peer: Peer,
    private readonly capabilities: Capabilities,
    private readonly options: SessionOptions,
  ) {
    this.transmit = transmitFor(capabilities)
    this.wire = new Wire(socket, conversation, options.timeouts)
  }

  /**
   * Says EHLO again, for what was offered before TLS may have been forged (RFC 3207 section 4.2).
   * After a failure the socket is destroyed.
   */
  static async open(
    socket: SecureSocket,
    peer: Peer,
    options: SessionOptions,
  ): Promise<SessionOpened> {
    const conversation = Conversation.secure(socket, options.clock)
    const { helo, timeouts } = options
    const step = await conversation.exchange('EHLO', `EHLO ${helo}`, timeouts.command)
    if (step.kind === 'passed') {
      const capabilities = capabilitiesOf(step.lines)
      const session = new SmtpSession(socket, conversation, peer, capabilities, options)
      return { kind: 'open', session }
    }
    conversation.end(GIVEN_UP)
    return { kind: 'failed', failure: failureOf(step) ?? GIVEN_UP }
  }

  get dcid(): number {
    return this.peer.dcid
  }

  async send(message: Outgoing): Promise<SendResult> {
    const { lost } = this.conversation
    if (lost) return this.lostWith(lost, this.answered === 0)
    const envelope = envelopeOf(message, this.capabilities)
    if (envelope.kind === 'refused') return this.refusedWith(envelope, true, true)
    this.options.report({ kind: 'delivery-start', dcid: this.dcid, mid: message.mid })
    this.busy = true
    const result = await this.conclude(await this.transmit(this.wire, envelope, message))
    this.busy = false
    return result
  }

  quit(): void {
    if (this.busy) return this.destroy()
    const timer = this.options.clock.after(FAREWELL, () => this.destroy())
    this.onClose(() => timer.cancel())
    void this.conversation.exchange('QUIT', 'QUIT', FAREWELL).then(() => this.socket.end())
  }

  destroy(): void {
    this.destroyed = true
    this.conversation.end(GIVEN_UP)
  }

  onClose(listener: () => void): void {
    if (this.conversation.lost) queueMicrotask(listener)
    else this.conversation.onLost(() => listener())
  }

  private async conclude(transmission: Transmission): Promise<SendResult> {
    switch (transmission.kind) {
      case 'accepted': {
        this.answered++
        const response = replyLine(transmission.reply)
        const { host, remote: address, port } = this.peer
        const taker = { host, address, port }
        const outcome = { kind: 'delivered' as const, dcid: this.dcid, response, taker }
        return { outcome, charged: true, reusable: this.inStep() }
      }
      case 'refused': {
        const { begun, command, reply } = transmission
        const charged = begun || reply.code !== CLOSING || this.answered === 0
        this.answered++
        return this.refusedWith(transmission, charged, await this.recover(command, reply))
      }
      case 'lost': {
        const { begun, failure } = transmission
        if (!this.destroyed) reportFailure(this.options.report, this.peer, failure)
        return this.lostWith(failure, begun || !isEnd(failure) || this.answered === 0)
      }
    }
  }

  /** Makes the connection ready for the next message; false when it is none any more. */
  private async recover(command: Command, reply: Reply): Promise<boolean> {
    if (CLOSES_CONNECTION.includes(reply.code)) this.conversation.end(GIVEN_UP)
    // A refused message ends its transaction (RFC 5321 section 4.1.1.4), a refused command does not.
    else if (command !== 'BODY') await this.reset()
    return this.inStep()
  }

  private async reset(): Promise<void> {
    const step = await this.conversation.exchange('RSET', 'RSET', this.options.timeouts.command)
    if (step.kind !== 'passed') this.conversation.end(GIVEN_UP)
  }

  private inStep(): boolean {
    if (this.conversation.pending) this.conversation.end(protocolLoss('more than one reply'))
    return this.conversation.lost === undefined
  }

  private refusedWith(
    refusal: { command: Command; reply: Reply },
    charged: boolean,
    reusable: boolean,
  ): SendResult {
    const { command, reply } = refusal
    const failure: Failure = { kind: 'reply', command, reply }
    return { outcome: { kind: 'failed', dcid: this.dcid, failure }, charged, reusable }
  }

  private lostWith(failure: Loss, charged: boolean): SendResult {
    const { dcid, destroyed } = this
    if (destroyed) return { outcome: { kind: 'aborted', dcid }, charged: true, reusable: false }
    return { outcome: { kind: 'failed', dcid, failure }, charged, reusable: false }
  }
}

/** The peer ended the connection, in order or not. */
function isEnd(loss: Loss): boolean {
  return loss.kind === 'network' && (loss.details === 'closed' || loss.details === 'reset')
}
