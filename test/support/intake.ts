import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerSession } from 'smtp-server'
import type { AddressInfo } from 'node:net'
import type { Authority, IssueOptions } from './certificates'
import { Ledger } from './ledger'

export interface Copy {
  readonly from: string
  readonly to: readonly string[]
  /** The copy as it came, without dot-stuffing. */
  readonly raw: Buffer
  /** Which TLS carried it, such as `TLSv1.3`. */
  readonly protocol: string
  /** Which of the intake's connections carried it. */
  readonly connection: string
  /** When that connection began, on `performance.now()`'s clock. */
  readonly connectedAt: number
  /** The copy as mailparser reads it; read once. */
  report(): Promise<ParsedMail>
  /** The bytes of the attached original. */
  original(): Promise<Buffer>
}

export interface IntakeOptions {
  readonly authority: Authority
  /** The MX names that the certificate is for. */
  readonly names: readonly string[]
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default: any free one. */
  readonly port?: number
  /** Default 100 MB. */
  readonly size?: number
  /**
   * Asked when a copy has come, and waited for: undefined accepts it, a text such as
   * `451 4.3.0 later` refuses it. Only what is accepted is kept.
   */
  readonly verdict?: (copy: Copy) => Promise<string | undefined>
}

/** A message intake that behaves: STARTTLS before all else, everything accepted and kept. */
export interface Intake {
  readonly host: string
  readonly port: number
  readonly copies: Ledger<Copy>
  /** How many connections there have been. */
  readonly connections: number
  /** New connections are shown another certificate. */
  show(certificate: IssueOptions): Promise<void>
  close(): Promise<void>
}

export async function startIntake(options: IntakeOptions): Promise<Intake> {
  const { host = '127.0.0.1', port = 0, size = 100 * 1024 * 1024 } = options
  const { verdict = () => Promise.resolve(undefined) } = options
  const copies = new Ledger<Copy>()
  const gone = new Set<string>()
  const began = new Map<string, number>()
  const server = new SMTPServer({
    ...(await options.authority.issue({ names: options.names })),
    minVersion: 'TLSv1.2',
    disabledCommands: ['AUTH'],
    disableReverseLookup: true,
    logger: false,
    size,
    name: options.names[0],
    onConnect(session, done) {
      began.set(session.id, performance.now())
      done()
    },
    onClose(session) {
      gone.add(session.id)
    },
    onMailFrom(_address, session, done) {
      done(session.secure ? null : startTlsFirst())
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const copy = newCopy(session, began.get(session.id) ?? NaN, Buffer.concat(chunks))
        void verdict(copy).then((refusal) => {
          // Who hung up while the verdict was awaited does not get it.
          if (refusal === undefined && !gone.has(session.id)) copies.add(copy)
          done(refusal === undefined ? null : refusedWith(refusal))
        })
      })
    },
  })
  // A client that breaks off is part of the tests; its message counts as not received.
  server.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.server.address() as AddressInfo
  return {
    host,
    port: address.port,
    copies,
    get connections() {
      return began.size
    },
    show: async (certificate) =>
      server.updateSecureContext(await options.authority.issue(certificate)),
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

/**
 * Two or more intakes on one port, each on a loopback address of its own, so that one port number
 * and one MX record each are enough to tell them apart.
 */
export async function startIntakesOnOnePort(
  options: readonly (IntakeOptions & { readonly host: string })[],
): Promise<Intake[]> {
  for (let tries = 1; ; tries++) {
    const intakes: Intake[] = []
    try {
      for (const each of options) {
        intakes.push(await startIntake({ ...each, port: intakes[0]?.port ?? 0 }))
      }
      return intakes
    } catch (error) {
      await Promise.all(intakes.map((intake) => intake.close()))
      // Somebody has this port on the other address: take another one.
      if (tries === 20 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

function newCopy(session: SMTPServerSession, connectedAt: number, raw: Buffer): Copy {
  const { mailFrom, rcptTo } = session.envelope
  let parsed: Promise<ParsedMail> | undefined
  const report = () => (parsed ??= simpleParser(raw))
  return {
    from: mailFrom === false ? '' : mailFrom.address,
    to: rcptTo.map((recipient) => recipient.address),
    raw,
    protocol: session.tlsOptions === false ? 'none' : session.tlsOptions.version,
    connection: session.id,
    connectedAt,
    report,
    original: async () => attachedOriginal(await report()),
  }
}

/** The bytes of the one `message/rfc822` part of a report. */
export function attachedOriginal(report: ParsedMail): Buffer {
  const originals = report.attachments.filter((part) => part.contentType === 'message/rfc822')
  const [original] = originals
  if (original === undefined || originals.length > 1) {
    throw new Error(`a report with ${originals.length} message/rfc822 parts`)
  }
  return original.content
}

function startTlsFirst(): Error {
  return refusedWith('530 5.7.0 Must issue a STARTTLS command first')
}

function refusedWith(reply: string): Error {
  return Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) })
}
