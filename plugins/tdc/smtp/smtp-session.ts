import type { Clock } from '../clock'
import type { Report } from '../monitor/events'
import { type Capabilities, capabilitiesOf, offersIn } from './capabilities'
import type { WindowMemory } from './window-memory'
import { Conversation } from './conversation'
import { envelopeOf } from './envelope-commands'
import { type Fault, faultOf } from './fault'
import { GIVEN_UP, isOutOfDescriptors, type Loss, protocolLoss } from './loss'
import type { Timeouts } from './options'
import type { SmtpCommand, Failure, Reply } from './outcome'
import type { Outgoing } from './outgoing'
import { type Peer, reportFailure } from './peer'
import { replyLine } from './reply'
import type { SendResult, Session } from './session'
import { failureOf } from './heard'
import type { SecureSocket } from './tls'
import type { Transmission, Transmit } from './transmission'
import { transmitFor } from './transmit'
import { Wire } from './wire'

/** Milliseconds that the farewell may take: QUIT, its reply and the close. */
const FAREWELL = 5_000

/** Milliseconds of a round trip that it is not worth to save: there intakes are busy, not lines. */
const NEAR = 5

/** The two sides see different steps: the connection is of no use any more. */
const OUT_OF_STEP = 503

export interface SessionOptions {
  readonly helo: string
  readonly timeouts: Timeouts
  readonly clock: Clock
  readonly report: Report
  readonly windows: WindowMemory
  /** Messages on their way at a time, where the intake offers CHUNKING. */
  readonly window: number
  /** Hears what became of each message. */
  readonly told: (result: SendResult) => void
}

export type SessionOpened =
  { kind: 'open'; session: SmtpSession } | { kind: 'failed'; failure: Failure }

/** The conversation inside TLS: takes one message after the other. */
export class SmtpSession implements Session {
  private way: Transmit
  private readonly wire: Wire
  /** It has taken messages. */
  private used = false
  /** Messages whose result is not known yet. */
  private inFlight = 0
  private destroyed = false
  private lossTold = false
  private outOfStep = false

  private constructor(
    private readonly socket: SecureSocket,
    private readonly conversation: Conversation<string>,
    private readonly peer: Peer,
    private readonly capabilities: Capabilities,
    private readonly options: SessionOptions,
    roundTrip: number,
  ) {
    this.way = transmitFor(capabilities, { ...options, isFar: roundTrip > NEAR })
    this.wire = new Wire(socket, conversation, options.timeouts)
    conversation.onLost(() => this.way.ended?.())
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
    const began = options.clock.monotonic()
    const step = await conversation.exchange('EHLO', `EHLO ${helo}`, timeouts.command)
    const roundTrip = options.clock.monotonic() - began
    if (step.kind === 'passed') {
      const capabilities = capabilitiesOf(step.lines)
      const session = new SmtpSession(socket, conversation, peer, capabilities, options, roundTrip)
      return { kind: 'open', session }
    }
    conversation.end(GIVEN_UP)
    return { kind: 'failed', failure: failureOf(step) ?? GIVEN_UP }
  }

  get remote(): string {
    return this.peer.remote
  }

  get dcid(): number {
    return this.peer.dcid
  }

  get offers(): readonly string[] {
    return offersIn(this.capabilities)
  }

  get window(): number {
    return this.transmit.window
  }

  get endedByIntake(): boolean {
    return this.conversation.endedByPeer
  }

  async send(message: Outgoing): Promise<SendResult> {
    const { lost } = this.conversation
    if (lost) return this.lostWith(lost, this.unbegun)
    const envelope = envelopeOf(message, this.capabilities)
    if (envelope.kind === 'refused') return this.refusedWith(envelope, 'copy', true)
    this.options.report({ kind: 'delivery-start', dcid: this.dcid, mid: message.mid })
    const { transmit } = this
    this.inFlight++
    const transmission = await transmit.send(this.wire, envelope, message)
    const result = await this.conclude(transmission)
    this.inFlight--
    this.options.told(result)
    return result
  }

  quit(): void {
    if (this.inFlight > 0) return this.destroy()
    const timer = this.options.clock.after(FAREWELL, () => this.destroy())
    this.onClose(() => timer.cancel())
    this.conversation
      .exchange('QUIT', 'QUIT', FAREWELL)
      .then(() => this.socket.end())
      .catch(() => this.destroy())
  }

  destroy(): void {
    this.destroyed = true
    this.conversation.end(GIVEN_UP)
  }

  onClose(listener: () => void): void {
    if (this.conversation.lost) queueMicrotask(listener)
    else this.conversation.onLost(() => listener())
  }

  /** As long as nothing came of it, it is also what other connections have learned since it was opened. */
  private get transmit(): Transmit {
    const isNew = !this.used && this.inFlight === 0
    if (isNew && this.way.inChunks && this.options.windows.avoided) {
      this.way = transmitFor(this.capabilities, { ...this.options, isFar: false })
    }
    return this.way
  }

  private async conclude(transmission: Transmission): Promise<SendResult> {
    switch (transmission.kind) {
      case 'accepted': {
        this.used = true
        const response = replyLine(transmission.reply)
        const { host, remote: address, port } = this.peer
        const taker = { host, address, port }
        const outcome = { kind: 'delivered' as const, dcid: this.dcid, response, taker }
        return { outcome, fault: 'copy', reusable: this.inStep() }
      }
      case 'refused': {
        const { begun, command, reply } = transmission
        const firstChunk = !begun || this.transmit.inChunks
        const fault = faultOf({ command, reply, used: this.used, firstChunk })
        return this.refusedWith(transmission, fault, await this.recover(command, reply))
      }
      case 'lost': {
        const { begun, failure } = transmission
        this.tellOfLoss(failure)
        if (this.transmit.resets && isOutOfStep(failure)) this.options.windows.avoid()
        // Cut off before its end, it cannot have been accepted.
        if (isOutOfDescriptors(failure)) return this.lostWith(failure, 'connection')
        // We closed it, because of another message. The intake has not heard this one, unless we were
        // told to close: then it may have it, and its 250 is lost.
        if (failure === GIVEN_UP) {
          return this.lostWith(failure, begun && this.destroyed ? 'copy' : 'connection')
        }
        return this.lostWith(failure, begun ? 'copy' : this.unbegun)
      }
      case 'unfit': {
        this.options.windows.avoid()
        this.conversation.end(GIVEN_UP)
        return this.lostWith(protocolLoss(transmission.why), 'connection')
      }
    }
  }

  /** Makes the connection ready for the next message; false when it is none any more. */
  private async recover(command: SmtpCommand, reply: Reply): Promise<boolean> {
    if (reply.code === OUT_OF_STEP) this.outOfStep = true
    // The intake may be accepting what was written behind the refused one: its reply is waited for.
    if (this.outOfStep && this.inFlight === 1) this.conversation.end(GIVEN_UP)
    // A refused message ends its transaction (RFC 5321 section 4.1.1.4), a refused command does not.
    else if (command !== 'BODY' && !this.transmit.resets) await this.reset()
    return this.inStep()
  }

  private async reset(): Promise<void> {
    const step = await this.conversation.exchange('RSET', 'RSET', this.options.timeouts.command)
    if (step.kind !== 'passed') this.conversation.end(GIVEN_UP)
  }

  /** Whose fault a loss is for a message that was not begun. */
  private get unbegun(): Fault {
    return this.used ? 'connection' : 'host'
  }

  private inStep(): boolean {
    this.conversation.endIfPending()
    return this.conversation.lost === undefined && !this.outOfStep
  }

  /** Once for the connection, not for each of its messages, and not when we ended it. */
  private tellOfLoss(failure: Loss): void {
    if (this.destroyed || this.lossTold || failure === GIVEN_UP) return
    this.lossTold = true
    reportFailure(this.options.report, this.peer, failure)
  }

  private refusedWith(
    refusal: { command: SmtpCommand; reply: Reply },
    fault: Fault,
    reusable: boolean,
  ): SendResult {
    const { command, reply } = refusal
    const failure: Failure = { kind: 'reply', command, reply }
    return { outcome: { kind: 'failed', dcid: this.dcid, failure }, fault, reusable }
  }

  private lostWith(failure: Loss, fault: Fault): SendResult {
    const { dcid, destroyed } = this
    if (destroyed) return { outcome: { kind: 'aborted', dcid }, fault, reusable: false }
    return { outcome: { kind: 'failed', dcid, failure }, fault, reusable: false }
  }
}

function isOutOfStep(loss: Loss): boolean {
  return loss.kind === 'network' && loss.details === 'protocol'
}
