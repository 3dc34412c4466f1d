import { isIP, type Socket } from 'node:net'
import type { Clock } from '../clock'
import type { Report } from '../monitor/events'
import type { WindowMemory } from '../smtp/window-memory'
import { dial } from '../smtp/dial'
import type { HostRules } from '../route/host-rules'
import { GIVEN_UP } from '../smtp/loss'
import type { Host } from '../route/mx'
import type { Timeouts } from '../smtp/options'
import type { Failure } from '../smtp/outcome'
import { type Peer, reportFailure } from '../smtp/peer'
import { PlainPhase } from '../smtp/plain-phase'
import { replyLine } from '../smtp/reply'
import type { Opened, SendResult } from '../smtp/session'
import { type SessionOpened, SmtpSession } from '../smtp/smtp-session'
import type { Secured, Securer } from '../smtp/tls'

export interface AttemptOptions {
  readonly helo: string
  readonly localAddress: string | undefined
  readonly timeouts: Timeouts
  readonly clock: Clock
  readonly report: Report
  readonly secure: Securer
  readonly windows: WindowMemory
  readonly window: number
  /** Domain of the intake address, in ASCII. */
  readonly domain: string
  readonly rules: HostRules
  readonly mayConnect: (address: string) => boolean
  /** Hears what became of each message. */
  readonly told: (result: SendResult) => void
  /** How many the intake has. */
  readonly addresses: number
  /** Hears that the host greets. */
  readonly greeted: () => void
}

/** What was asked for was permitted, but it is not what was reached. */
function notPublic(address: string): Failure {
  const reason = `${address} is not public (allow_private=false)`
  return { kind: 'network', details: 'unreachable', reason }
}

/** One TCP connection to one address, from its DCID to the session or the failure. */
export class Attempt {
  private peer: Peer

  constructor(
    dcid: number,
    private readonly host: Host,
    private readonly options: AttemptOptions,
    private readonly signal: AbortSignal,
  ) {
    const { name, address, port } = host
    const any = isIP(address) === 6 ? '::' : '0.0.0.0'
    this.peer = { dcid, host: name, remote: address, port, local: options.localAddress ?? any }
  }

  async run(): Promise<Opened> {
    const { host, options, signal } = this
    const dialled = await dial({ ...options, ...host, timeout: options.timeouts.connect, signal })
    if (dialled.kind === 'failed') return this.failed(dialled.failure)
    const { socket } = dialled
    // Without its socket the conversation ends in whatever phase it is.
    const giveUp = (): void => void socket.destroy()
    signal.addEventListener('abort', giveUp)
    const opened = await this.converse(socket)
    signal.removeEventListener('abort', giveUp)
    if (opened.kind === 'failed') return this.failed(opened.failure)
    if (!signal.aborted) return { ...opened, addresses: options.addresses }
    opened.session.destroy()
    return this.failed(GIVEN_UP)
  }

  private async converse(socket: Socket): Promise<SessionOpened> {
    const { host, options } = this
    this.peer = { ...this.peer, local: socket.localAddress ?? this.peer.local }
    const { dcid, local, remote, port } = this.peer
    options.report({ kind: 'connected', dcid, local, remote, port })
    const reached = socket.remoteAddress
    if (reached !== undefined && !options.mayConnect(reached)) {
      socket.destroy()
      return { kind: 'failed', failure: notPublic(reached) }
    }
    const secured = await new PlainPhase(socket, host.name, options).secure()
    if (secured.kind === 'failed') return secured
    this.tellOfTls(secured)
    if (!secured.wantsOurs) return SmtpSession.open(secured.socket, this.peer, options)
    let untold = true
    const tell = (failure: Failure): void => {
      if (untold) this.tellOfWish(failure)
      untold = false
    }
    const told = (result: SendResult): void => {
      const { outcome } = result
      if (outcome.kind === 'failed' && isOfEnvelope(outcome.failure)) tell(outcome.failure)
      options.told(result)
    }
    const opened = await SmtpSession.open(secured.socket, this.peer, { ...options, told })
    if (opened.kind === 'failed') tell(opened.failure)
    return opened
  }

  /** It may be why: a server that must have a certificate says so in words of its own, or just ends. */
  private tellOfWish(failure: Failure): void {
    if (this.signal.aborted) return
    const { dcid, host } = this.peer
    const { domain, report } = this.options
    report({ kind: 'certificate-wanted', dcid, domain, host, said: saidIn(failure) })
  }

  private tellOfTls(secured: Extract<Secured, { kind: 'secured' }>): void {
    const { report, domain, rules } = this.options
    const { dcid, host } = this.peer
    const { protocol, cipher, group, sni, certificate, unverified } = secured
    report({
      kind: 'tls-success',
      dcid,
      domain,
      host,
      protocol,
      cipher,
      group,
      sni,
      authorized: unverified === undefined,
      issuer: certificate.issuer,
      fingerprint: certificate.fingerprint,
      certificateEnd: certificate.end,
      policy: rules.sources,
    })
    const complaint = rules.complaint(host, unverified)
    if (!complaint) return
    const { reason, text } = complaint
    report({ kind: 'sts-testing', dcid, domain, host, reason, text })
  }

  /** Nothing is told of an attempt that was given up: it says nothing about the intake. */
  private failed(failure: Failure): Opened {
    const { dcid } = this.peer
    if (this.signal.aborted) return { kind: 'failed', dcid, failure: GIVEN_UP }
    reportFailure(this.options.report, this.peer, failure)
    return { kind: 'failed', dcid, failure }
  }
}

function isOfEnvelope(failure: Failure): boolean {
  return failure.kind === 'reply' && (failure.command === 'MAIL' || failure.command === 'RCPT')
}

function saidIn(failure: Failure): string {
  switch (failure.kind) {
    case 'reply':
      return `${failure.command}: ${replyLine(failure.reply)}`
    case 'network':
      return failure.reason
    default:
      return failure.text
  }
}
