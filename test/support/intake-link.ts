import { type ConnectOptions, makeSessionMaker } from '../../plugins/tdc/delivery/connect'
import type { MxLookup } from '../../plugins/tdc/route/mx-lookup'
import type { Timeouts, TlsPolicy } from '../../plugins/tdc/smtp/options'
import type { Outgoing } from '../../plugins/tdc/smtp/outgoing'
import type { Opened, Session, SessionMaker } from '../../plugins/tdc/smtp/session'
import type { TdcEvent } from '../../plugins/tdc/monitor/events'
import { type Authority, createAuthority } from './certificates'
import { FakeClock } from './fake-clock'
import { FaultServer, type FaultServerOptions } from './fault-server'

/** Different for each phase, so that a test which moves the clock by one meets only that one. */
export const TIMEOUTS: Timeouts = {
  connect: 10_000,
  greeting: 20_000,
  tls: 30_000,
  command: 40_000,
  data: 50_000,
  final: 60_000,
}

/** The default of `[delivery] window`. */
export const WINDOW = 8

/** The name in the certificates of `IntakeLink`; `localhost` resolves without any DNS. */
export const INTAKE = 'localhost'

/** `localhost` may also be ::1, where the fault server does not listen. */
const LOOKUP: MxLookup = {
  mx: () => Promise.reject(new Error('no DNS here')),
  addresses: () => Promise.reject(new Error('no DNS here')),
  system: () => Promise.resolve(['127.0.0.1']),
}

/** The default policy but for the roots. */
export const VERIFIED: Omit<TlsPolicy, 'ca'> = {
  verify: true,
  minVersion: 'TLSv1.2',
  client: undefined,
  pins: [],
  names: [],
  mtaSts: true,
  dane: 'auto',
}

let shared: Promise<Authority> | undefined

/** One authority for all tests that do not care which. */
export function anyAuthority(): Promise<Authority> {
  return (shared ??= createAuthority())
}

export function outgoing(message: Partial<Outgoing> & { body?: string } = {}): Outgoing {
  const content = Buffer.from(message.body ?? 'Subject: x\r\n\r\nhello\r\n')
  return {
    mid: 'A1.1',
    recipient: 'intake@example.com',
    reversePath: '',
    size: content.length,
    eightBit: false,
    smtputf8: false,
    content: () => content,
    ...message,
  }
}

/** Options in place of the link's own; as a function they may name the server's port. */
type Overrides = Partial<ConnectOptions> | ((port: number) => Partial<ConnectOptions>)

/** A fault server and a session maker that goes to it by a route, on a clock that stands still. */
export class IntakeLink {
  readonly clock = new FakeClock()
  readonly events: TdcEvent[] = []
  readonly giveUp = new AbortController()
  readonly options: ConnectOptions
  private dcid = 0
  private maker: SessionMaker | undefined

  private constructor(
    readonly server: FaultServer,
    ca: string,
    overrides: Overrides,
  ) {
    const { port } = server
    this.options = {
      domain: 'example.com',
      route: { host: INTAKE, port },
      port,
      helo: 'gateway.example',
      localAddress: undefined,
      window: WINDOW,
      timeouts: TIMEOUTS,
      tls: { ...VERIFIED, ca },
      clock: this.clock,
      report: (event) => this.events.push(event),
      lookup: LOOKUP,
      stsPolicyOf: () => Promise.resolve(undefined),
      mayConnect: () => true,
      random: Math.random,
      nextDcid: () => ++this.dcid,
      ...(typeof overrides === 'function' ? overrides(port) : overrides),
    }
  }

  static async start(
    server: Partial<FaultServerOptions> = {},
    overrides: Overrides = {},
  ): Promise<IntakeLink> {
    const authority = await anyAuthority()
    const tls = server.tls ?? (await authority.issue({ names: [INTAKE] }))
    return new IntakeLink(await FaultServer.start({ ...server, tls }), authority.caPem, overrides)
  }

  open(signal = this.giveUp.signal): Promise<Opened> {
    this.maker ??= makeSessionMaker(this.options)
    return this.maker(signal)
  }

  /** Opens a session that must stand. */
  async session(): Promise<Session> {
    const opened = await this.open()
    if (opened.kind === 'open') return opened.session
    throw new Error(`no session: ${JSON.stringify(opened.failure)}`)
  }

  /** The DCID of the last attempt to connect. */
  get lastDcid(): number {
    return this.dcid
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind)
  }

  close(): Promise<void> {
    return this.server.close()
  }
}
