import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '../../plugins/tdc/clock'
import { createAuthority, selfSigned } from '../support/certificates'
import { comesTrue } from '../support/comes-true'
import type { FaultServerOptions, TlsMaterial } from '../support/fault-server'
import type { HarakaOptions } from '../support/haraka'
import { anyAuthority, INTAKE, IntakeLink } from '../support/intake-link'
import { LineProxy } from '../support/line-proxy'
import { MailPath } from '../support/mail-path'
import { PatientClock } from '../support/patient-clock'
import { alteredBuild } from './altered-build'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { DeliveryLine } from './delivery-line'

/** Stands in every copy; nowhere may it be seen outside TLS. */
const CANARY = 'canary-5b1e'

const DAY = 86_400_000
const SECOND = 1_000

/** Milliseconds for each phase. */
const TIMEOUT = 1_500
const TIMEOUTS = {
  connect: TIMEOUT,
  greeting: TIMEOUT,
  tls: TIMEOUT,
  command: TIMEOUT,
  data: TIMEOUT,
  final: TIMEOUT,
}

interface Row {
  readonly name: string
  readonly server?: Partial<FaultServerOptions>
  readonly tls?: () => Promise<TlsMaterial>
  readonly end: 'delivered' | 'tls-error'
}

const issue = async (more: { names?: string[]; notBefore?: Date; notAfter?: Date } = {}) =>
  (await anyAuthority()).issue({ names: [INTAKE], ...more })

const failing = (name: string, server: Partial<FaultServerOptions>): Row => ({
  name,
  server,
  end: 'tls-error',
})

const untrusted = (name: string, tls: Row['tls'] & object): Row => ({ name, tls, end: 'tls-error' })

const ROWS: readonly Row[] = [
  { name: 'TLS 1.3', end: 'delivered' },
  {
    name: 'TLS 1.2 only',
    tls: async () => ({ ...(await issue()), maxVersion: 'TLSv1.2' }),
    end: 'delivered',
  },
  failing('no STARTTLS', { starttls: false }),
  ...['454 4.7.0 Not now', '500 No', '502 No', '554 No', '421 Bye', '250 Fine', '354 Go'].map(
    (reply) => failing(`STARTTLS: ${reply}`, { script: [{ on: 'STARTTLS', reply }] }),
  ),
  failing('EHLO: 502', { script: [{ on: 'EHLO', reply: '502 5.5.1 No' }] }),
  failing('EHLO without keywords', { script: [{ on: 'EHLO', reply: '250 intake.test' }] }),
  ...['250-SIZE 1\r\n', '250 x\r\n', '250 x', 'x', '\r\n'].map((extra) =>
    failing(`behind the 220: ${JSON.stringify(extra)}`, { script: [{ on: 'STARTTLS', extra }] }),
  ),
  ...(['drop', 'reset', 'half-open', 'stall', 'endless-line', 'endless-reply'] as const).flatMap(
    (then) => [
      failing(`${then} at STARTTLS`, { script: [{ on: 'STARTTLS', then }] }),
      failing(`${then} in the handshake`, { script: [{ on: 'HANDSHAKE', then }] }),
    ],
  ),
  ...['250 hello', '220 go on in plain text', '\x15\x03\x01\x00\x02\x02\x28'].map((reply) =>
    failing(`ClientHello: ${JSON.stringify(reply)}`, { script: [{ on: 'HANDSHAKE', reply }] }),
  ),
  untrusted('TLS 1.1 at most', async () => ({
    ...(await issue()),
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
  })),
  untrusted('expired', () => issue({ notAfter: new Date(Date.now() - SECOND) })),
  untrusted('of tomorrow', () => issue({ notBefore: new Date(Date.now() + DAY) })),
  untrusted('of another name', () => issue({ names: ['mx.other.example'] })),
  untrusted('of an unknown authority', async () =>
    (await createAuthority('Other')).issue({ names: [INTAKE] }),
  ),
  untrusted('self-signed', () => selfSigned({ names: [INTAKE] })),
]

const ROUNDS_LONG = 50

export const tlsMatrix: FaultCase = {
  name: 'R13',
  title: 'TLS refused, broken, forged or not to be trusted; every octet before TLS is looked at',
  async run(context: FaultContext): Promise<FaultResult> {
    const rounds = context.long ? ROUNDS_LONG : 1
    const violations: string[] = []
    for (let round = 0; round < rounds; round++) {
      const found = await Promise.all([...ROWS.map(tried), expiredBetween()])
      violations.push(...found.flat())
    }
    violations.push(...(await afterUnverified(context)))
    return { n: rounds * (ROWS.length + 1) + 1, violations, figures: { rows: ROWS.length + 2 } }
  },
}

/** Node does not verify a resumed session: what was not verified once is then trusted. */
export const resumptionControl: FaultCase = {
  name: 'R13-control',
  title: 'a build that resumes TLS sessions whatever they were made under is caught',
  async run(context: FaultContext): Promise<FaultResult> {
    const build = alteredBuild(
      [
        'tdc/smtp/tls.ts',
        'rejectUnauthorized: verify && !dane,\n      })',
        'rejectUnauthorized: verify && !dane, session: globalThis.tdcSession })\n' +
          "      tls.on('session', (session) => (globalThis.tdcSession = session))",
      ],
      // A resumed session brings no certificate; without one nothing is sent.
      [
        'tdc/smtp/tls.ts',
        'const chain = chainOf(tls)',
        'const chain = (globalThis.tdcPeer ??= chainOf(tls))',
      ],
    )
    const violations = await afterUnverified(context, build)
    const caught = violations.some((what) => what.includes('was sent to'))
    return { n: 1, violations: caught ? [] : ['it was not caught', ...violations] }
  },
}

/** Milliseconds: how long an idle connection is kept, so that another handshake is needed. */
const IDLE = 1_000

/** A line through a proxy that records what the client writes. */
class Recorded {
  private constructor(
    readonly link: IntakeLink,
    readonly proxy: LineProxy,
    readonly line: DeliveryLine,
  ) {}

  static async start(
    { server = {}, tls }: Pick<Row, 'server' | 'tls'>,
    clock: Clock,
  ): Promise<Recorded> {
    const material = tls ? { tls: await tls() } : {}
    const overrides = { clock, timeouts: TIMEOUTS }
    const link = await IntakeLink.start({ ...server, ...material }, overrides)
    const proxy = await LineProxy.before(link.server)
    const route = { host: INTAKE, port: proxy.port }
    const line = new DeliveryLine(
      { ...link.options, route },
      { maxAge: 20_000, retryDelay: 10, minConnections: 1, maxConnections: 1 },
    )
    return new Recorded(link, proxy, line)
  }

  deliver(mid: string) {
    return this.line.deliver(mid, Buffer.from(`Subject: ${CANARY}\r\n\r\n${CANARY}\r\n`))
  }

  /** What of a message could be read on the wire, and whether anything could. */
  violations(name: string): string[] {
    const found = [CANARY, 'MAIL FROM', 'RCPT TO'].filter((octets) => this.proxy.saw(octets))
    const read = found.map((octets) => `I7 ${name}: "${octets}" could be read on the wire`)
    // A record without what is always there would prove nothing.
    return this.proxy.saw('EHLO') ? read : [...read, `${name}: nothing was recorded`]
  }

  async close(): Promise<void> {
    this.line.close()
    await this.proxy.close()
    await this.link.close()
  }
}

async function tried(row: Row): Promise<string[]> {
  const clock = new PatientClock()
  const recorded = await Recorded.start(row, clock)
  const { proxy, link } = recorded
  try {
    const { kind, attempts } = await recorded.deliver('m1')
    const found = recorded.violations(row.name)
    if (kind !== row.end) found.push(`${row.name}: ${kind}`)
    if (attempts !== 1) found.push(`${row.name}: ${attempts} attempts`)
    if (proxy.captured.length !== 1) found.push(`${row.name}: ${proxy.captured.length} connections`)
    const taken = link.server.messages.filter(({ raw }) => raw.includes(CANARY)).length
    if (taken !== (row.end === 'delivered' ? 1 : 0)) found.push(`${row.name}: ${taken} taken`)
    return found
  } finally {
    clock.stop()
    await recorded.close()
  }
}

/** The certificate ends between one connection and the next. */
async function expiredBetween(): Promise<string[]> {
  const notAfter = new Date(Math.ceil(Date.now() / SECOND) * SECOND + 2 * SECOND)
  const recorded = await Recorded.start({ tls: () => issue({ notAfter }) }, systemClock)
  try {
    const before = await recorded.deliver('m1')
    await sleep(Math.max(notAfter.getTime() + SECOND - Date.now(), 2 * IDLE))
    const after = await recorded.deliver('m2')
    const ends = `${before.kind}, ${after.kind}`
    const found = recorded.violations('expired in between')
    return ends === 'delivered, tls-error' ? found : [...found, `expired in between: ${ends}`]
  } finally {
    await recorded.close()
  }
}

/** The line that ends each reading of the settings. */
const READ = 'Threat Defense Connector enabled'
/** Haraka reads a changed file after five seconds. */
const RELOADED = 15_000

/** A real gateway that did not verify learns to: what it had from before must not count. */
async function afterUnverified(
  { note }: FaultContext,
  install?: HarakaOptions['install'],
): Promise<string[]> {
  const options = { delivery: ['idle_timeout=1'], intakeNames: ['mx.other.example'] }
  const path = await MailPath.start({
    ...options,
    tls: ['verify=false'],
    ...(install && { install }),
  })
  const { haraka, intake } = path
  try {
    for (const subject of ['first', 'second']) {
      await path.send({ raw: Buffer.from(`Subject: ${subject}\r\n\r\n${CANARY}\r\n`) })
      await path.copy(subject)
      await sleep(2 * IDLE)
    }
    const before = haraka.log.filter((line) => line.includes(READ)).length
    path.writeTdcIni({ ...options, tls: ['verify=true'] })
    const again = () => haraka.log.filter((line) => line.includes(READ)).length > before
    if (!(await comesTrue(again, RELOADED))) note('no line says that the settings were read again')
    await path.send({ raw: Buffer.from(`Subject: third\r\n\r\n${CANARY}\r\n`) })
    await comesTrue(() => haraka.queueFiles().length === 0, 10_000)
    const wrong = path.copiesOf('third').length
    if (intake.copies.size < 2) return ['without verification nothing was sent']
    return wrong > 0 ? ['a copy was sent to an intake whose certificate is for another name'] : []
  } finally {
    await path.close()
  }
}
