import type { Clock } from '../../plugins/tdc/clock'
import type { Fault } from '../../plugins/tdc/smtp/fault'
import type { Failure } from '../../plugins/tdc/smtp/outcome'
import type { Outgoing } from '../../plugins/tdc/smtp/outgoing'
import type { Opened, SendResult, Session, SessionMaker } from '../../plugins/tdc/smtp/session'
import type { Copy } from '../../plugins/tdc/queue/copy'

/** How the intake says that it takes no further connection. */
export type Refusal = '421' | 'tcp'

/** Times are milliseconds. */
export interface IntakeOptions {
  /** Connections at a time. */
  readonly connections: number
  readonly refusal: Refusal
  /** Messages over one connection; the one after it is answered with 421. */
  readonly messages: number
  readonly openTime: number
  readonly sendTime: number
}

const TCP_REFUSED: Failure = {
  kind: 'network',
  details: 'refused',
  reason: 'connection refused',
}
const CUT: Failure = { kind: 'network', details: 'closed', reason: 'connection closed by peer' }

const tooMany = (command: 'CONNECT' | 'MAIL'): Failure => ({
  kind: 'reply',
  command,
  reply: { code: 421, enhanced: '4.7.0', text: 'Too many' },
})

/** A refusal by TCP is one round trip, about a third of an opening with TLS. */
const REFUSED_PART = 1 / 3

/** Openings and messages take up to so much more than their time. */
const SPREAD = 0.2

/** One intake for a whole fleet: it has a limit of connections, and can be down. */
export class FleetIntake {
  /** Attempts to connect, by the second in which they began. */
  readonly attempts: number[] = []
  /** Those which were refused while the intake was up, and those which came to a session. */
  refused = 0
  accepted = 0
  /** The most at a time. */
  peak = 0
  /** Messages answered with 421, one more than the connection takes. */
  tooLong = 0
  /** Connections that carried as many messages as one takes. */
  full = 0
  private readonly standing = new Set<FleetSession>()
  private isDown = false

  constructor(
    readonly clock: Clock,
    readonly options: IntakeOptions,
    private readonly random: () => number,
  ) {}

  readonly open: SessionMaker = () => {
    const second = Math.floor(this.clock.monotonic() / 1000)
    this.attempts[second] = (this.attempts[second] ?? 0) + 1
    const isRefused = this.isDown || (this.isFull && this.options.refusal === 'tcp')
    const time = this.options.openTime * (isRefused ? REFUSED_PART : 1)
    return new Promise((resolve) => this.after(time, () => resolve(this.decide())))
  }

  /** Every connection is cut, and none is taken until `up`. */
  down(): void {
    this.isDown = true
    for (const session of this.standing) session.cut(CUT)
  }

  up(): void {
    this.isDown = false
  }

  get connections(): number {
    return this.standing.size
  }

  after(time: number, then: () => void): void {
    this.clock.after(time * (1 + SPREAD * this.random()), then)
  }

  forget(session: FleetSession): void {
    this.standing.delete(session)
  }

  private get isFull(): boolean {
    return this.standing.size >= this.options.connections
  }

  private decide(): Opened {
    if (this.isDown) return { kind: 'failed', dcid: 0, failure: TCP_REFUSED }
    if (this.isFull) {
      this.refused += 1
      const failure = this.options.refusal === 'tcp' ? TCP_REFUSED : tooMany('CONNECT')
      return { kind: 'failed', dcid: 0, failure }
    }
    const session = new FleetSession(this, (this.accepted += 1))
    this.standing.add(session)
    this.peak = Math.max(this.peak, this.standing.size)
    return { kind: 'open', session, addresses: 1 }
  }
}

class FleetSession implements Session {
  readonly remote = '192.0.2.1'
  readonly offers = []
  readonly window = 1
  readonly endedByIntake = true
  private taken = 0
  private flight: ((result: SendResult) => void) | undefined
  private listener: (() => void) | undefined
  private closed = false

  constructor(
    private readonly intake: FleetIntake,
    readonly dcid: number,
  ) {}

  send(message: Outgoing): Promise<SendResult> {
    // A shared store is asked whose it is.
    const { stored } = message as Copy
    const confirmed = stored?.store.shared?.confirm(stored.copy)
    return confirmed ? confirmed.then(() => this.sent()) : this.sent()
  }

  private sent(): Promise<SendResult> {
    const { options } = this.intake
    return new Promise((resolve) => {
      this.flight = resolve
      this.intake.after(options.sendTime, () => {
        // Cut, or destroyed, meanwhile.
        if (this.flight !== resolve) return
        if (this.taken >= options.messages) {
          this.intake.tooLong += 1
          return this.end(tooMany('MAIL'), 'connection')
        }
        this.taken += 1
        if (this.taken === options.messages) this.intake.full += 1
        this.flight = undefined
        const outcome = { kind: 'delivered', dcid: this.dcid, response: 'ok' } as const
        resolve({ outcome, fault: 'copy', reusable: true })
      })
    })
  }

  quit(): void {
    queueMicrotask(() => this.hangUp())
  }

  destroy(): void {
    this.flight?.({
      outcome: { kind: 'aborted', dcid: this.dcid },
      fault: 'connection',
      reusable: false,
    })
    this.flight = undefined
    this.hangUp()
  }

  onClose(listener: () => void): void {
    this.listener = listener
  }

  cut(failure: Failure): void {
    if (this.flight) this.end(failure, 'copy')
    else this.hangUp()
  }

  private end(failure: Failure, fault: Fault): void {
    const outcome = { kind: 'failed', dcid: this.dcid, failure } as const
    this.flight?.({ outcome, fault, reusable: false })
    this.flight = undefined
    this.hangUp()
  }

  private hangUp(): void {
    if (this.closed) return
    this.closed = true
    this.intake.forget(this)
    this.listener?.()
  }
}
