import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as secure, createSecureContext, type SecureContext } from 'node:tls'
import { compare } from './compare'
import { startDelay } from './delay'
import type { Figure } from './figure'
import { ALL_KEYWORDS, startSink } from './sink'
import { INTAKE_HOST, intakeTrust } from './trust'

const ROUNDS = 5

interface Setting {
  readonly name: string
  readonly version: 'TLSv1.2' | 'TLSv1.3'
  /** Each way; 0: the loopback as it is. */
  readonly delay: number
  /** One after the other in each round. */
  readonly openings: number
}

/** What one process gains by resuming TLS sessions, which the connector does not do. */
export const TLS_RESUMPTION: Readonly<Record<string, () => Promise<Figure>>> = Object.fromEntries(
  (
    [
      { name: 'tls-resumption-13', version: 'TLSv1.3', delay: 0, openings: 200 },
      { name: 'tls-resumption-12', version: 'TLSv1.2', delay: 0, openings: 200 },
      { name: 'tls-resumption-13-40', version: 'TLSv1.3', delay: 20, openings: 20 },
      { name: 'tls-resumption-12-40', version: 'TLSv1.2', delay: 20, openings: 20 },
    ] as const
  ).map((setting) => [setting.name, () => tlsResumption(setting)]),
)

async function tlsResumption({ name, version, delay, openings }: Setting): Promise<Figure> {
  const { certificate, ca } = await intakeTrust()
  const sink = await startSink({ tls: certificate, keywords: ALL_KEYWORDS, host: INTAKE_HOST })
  const far =
    delay > 0
      ? await startDelay({ host: INTAKE_HOST, port: sink.port, milliseconds: delay })
      : undefined
  const context = createSecureContext({ ca, minVersion: version, maxVersion: version })
  const opener = new Opener(far?.port ?? sink.port, context)
  const round = (resumes: boolean) => async () => {
    // The first ticket is not part of the round.
    await opener.open(false)
    const start = performance.now()
    for (let opening = 0; opening < openings; opening++) await opener.open(resumes)
    return (openings * 1000) / (performance.now() - start)
  }
  try {
    return await compare({
      name,
      unit: 'openings/s',
      rounds: ROUNDS,
      ours: { name: 'full', round: round(false) },
      theirs: { name: 'resumed', round: round(true) },
    })
  } finally {
    await Promise.all([far?.close(), sink.close()])
  }
}

/** Opens one connection after the other as the connector does: up to the second EHLO. */
class Opener {
  private session: Buffer | undefined

  constructor(
    private readonly port: number,
    private readonly context: SecureContext,
  ) {}

  async open(resumes: boolean): Promise<void> {
    const plain = connect({ host: INTAKE_HOST, port: this.port, noDelay: true })
    await reply(plain)
    await say(plain, 'EHLO gateway.example')
    await say(plain, 'STARTTLS')
    const socket = secure({
      socket: plain,
      secureContext: this.context,
      host: INTAKE_HOST,
      rejectUnauthorized: true,
      ...(resumes && this.session ? { session: this.session } : {}),
    })
    let ticketCame = (): void => {}
    const ticket = new Promise<void>((resolve) => (ticketCame = resolve))
    socket.on('session', (session: Buffer) => {
      this.session = session
      ticketCame()
    })
    await once(socket, 'secureConnect')
    if (socket.isSessionReused() !== resumes) throw new Error(`resumed: ${!resumes}`)
    await say(socket, 'EHLO gateway.example')
    // With TLS 1.2 a resumed session may bring no new ticket.
    if (!resumes) await ticket
    socket.destroy()
  }
}

async function say(socket: Socket, line: string): Promise<void> {
  socket.write(`${line}\r\n`)
  await reply(socket)
}

/** The sink writes each reply in one piece. */
async function reply(socket: Socket): Promise<void> {
  const [octets] = (await once(socket, 'data')) as [Buffer]
  if (octets.readUInt8(0) !== '2'.charCodeAt(0)) throw new Error(`reply: ${octets.toString()}`)
}
