import type { Fault } from '../../plugins/tdc/smtp/fault'
import type { Failure, Outcome } from '../../plugins/tdc/smtp/outcome'
import type { Outgoing } from '../../plugins/tdc/smtp/outgoing'
import type { Opened, SendResult, Session, SessionMaker } from '../../plugins/tdc/smtp/session'

export const REFUSED: Failure = { kind: 'network', details: 'refused', reason: 'ECONNREFUSED' }
export const CLOSED: Failure = { kind: 'network', details: 'closed', reason: 'closed by peer' }

export function reply(code: number): Failure {
  return { kind: 'reply', command: 'MAIL', reply: { code, text: `said ${code}` } }
}

export function mail(mid: string): Outgoing {
  return {
    mid,
    recipient: 'intake@example.com',
    reversePath: '',
    size: 0,
    eightBit: false,
    smtputf8: false,
    content: () => Buffer.alloc(0),
  }
}

/** Sessions whose every step a test decides, and which write down what a session must not see. */
export class FakeSessions {
  readonly attempts: FakeAttempt[] = []
  /** Misuse of a session: a message after its end, more than its window, a second listener. */
  readonly misuse: string[] = []

  readonly open: SessionMaker = (signal, greeted = () => {}) => {
    const attempt = new FakeAttempt(this.attempts.length + 1, signal, greeted, this.misuse)
    this.attempts.push(attempt)
    return attempt.opened
  }

  get opening(): FakeAttempt[] {
    return this.attempts.filter((attempt) => attempt.open && !attempt.signal.aborted)
  }

  get sessions(): FakeSession[] {
    return this.attempts.flatMap((attempt) => attempt.session ?? [])
  }

  get standing(): FakeSession[] {
    return this.sessions.filter((session) => !session.closed)
  }

  get flights(): FakeFlight[] {
    return this.standing.flatMap((session) => session.flights)
  }

  /** Lets all attempts under way succeed. */
  acceptAll(window = 1): FakeSession[] {
    return this.opening.map((attempt) => attempt.accept(window))
  }
}

/** One call of the session maker. */
export class FakeAttempt {
  readonly opened: Promise<Opened>
  session: FakeSession | undefined
  open = true
  private resolve: (opened: Opened) => void = () => {}

  constructor(
    readonly dcid: number,
    readonly signal: AbortSignal,
    /** The intake greets, and is silent behind that. */
    readonly greeted: () => void,
    private readonly misuse: string[],
  ) {
    this.opened = new Promise((resolve) => (this.resolve = resolve))
  }

  /** `remote`: which of the `addresses` of the intake it is. */
  accept(window = 1, remote = '127.0.0.1', addresses = 1): FakeSession {
    const session = new FakeSession(this.dcid, window, this.misuse, remote)
    this.session = session
    this.open = false
    this.resolve({ kind: 'open', session, addresses })
    return session
  }

  fail(failure: Failure = REFUSED): void {
    this.open = false
    this.resolve({ kind: 'failed', dcid: this.dcid, failure })
  }
}

export class FakeSession implements Session {
  flights: FakeFlight[] = []
  readonly offers = []
  quits = 0
  destroys = 0
  closed = false
  endedByIntake = true
  /** True: a QUIT is not answered, and nothing closes. */
  stuck = false
  private listener: (() => void) | undefined

  constructor(
    readonly dcid: number,
    readonly window: number,
    private readonly misuse: string[],
    readonly remote = '127.0.0.1',
  ) {}

  send(message: Outgoing): Promise<SendResult> {
    if (this.closed) this.misuse.push(`DCID ${this.dcid}: ${message.mid} after the close`)
    if (this.quits + this.destroys > 0) {
      this.misuse.push(`DCID ${this.dcid}: ${message.mid} after QUIT`)
    }
    if (this.flights.length >= this.window) {
      this.misuse.push(`DCID ${this.dcid}: ${message.mid} before the reply to the one before`)
    }
    return new Promise((resolve) => {
      this.flights.push(new FakeFlight(this, message, resolve))
    })
  }

  quit(): void {
    this.quits += 1
    if (this.flights.length > 0) this.misuse.push(`DCID ${this.dcid}: QUIT during a message`)
    if (!this.stuck) queueMicrotask(() => this.hangUp())
  }

  destroy(): void {
    this.destroys += 1
    if (this.stuck) return
    const outcome = { kind: 'aborted', dcid: this.dcid } as const
    for (const flight of [...this.flights])
      flight.end(outcome, flight.begun ? 'copy' : 'connection')
    this.hangUp()
  }

  onClose(listener: () => void): void {
    if (this.listener) this.misuse.push(`DCID ${this.dcid}: a second listener`)
    this.listener = listener
  }

  /** The connection is gone; a real session tells so once. */
  hangUp(): void {
    if (this.closed) return
    this.closed = true
    this.listener?.()
  }

  /** The only message on its way. */
  get flight(): FakeFlight {
    const [flight] = this.flights
    if (!flight) throw new Error(`no message on DCID ${this.dcid}`)
    return flight
  }

  /** The message ids on their way. */
  get carries(): string[] {
    return this.flights.map((flight) => flight.message.mid)
  }
}

/** One call of `send`. */
export class FakeFlight {
  /** The intake may have all of it. */
  begun = true

  constructor(
    readonly session: FakeSession,
    readonly message: Outgoing,
    private readonly resolve: (result: SendResult) => void,
  ) {}

  deliver(reusable = true): void {
    this.end({ kind: 'delivered', dcid: this.session.dcid, response: 'ok' }, 'copy', reusable)
  }

  fail(failure: Failure, reusable = true): void {
    this.end({ kind: 'failed', dcid: this.session.dcid, failure }, 'copy', reusable)
  }

  /** Not the message's fault: a 421, or a close, on a connection that carried others before. */
  comeBack(failure: Failure = reply(421)): void {
    this.end({ kind: 'failed', dcid: this.session.dcid, failure }, 'connection', false)
  }

  /** The host, or the whole intake, takes nothing from us now; the connection stands. */
  refuse(fault: Fault, failure: Failure = reply(451)): void {
    this.end({ kind: 'failed', dcid: this.session.dcid, failure }, fault, true)
  }

  end(outcome: Outcome, fault: Fault = 'copy', reusable = false): void {
    this.session.flights = this.session.flights.filter((flight) => flight !== this)
    this.resolve({ outcome, fault, reusable })
  }
}
