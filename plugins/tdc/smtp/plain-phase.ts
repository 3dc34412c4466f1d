import type { Socket } from 'node:net'
import type { Clock } from '../clock'
import { type Capabilities, capabilitiesOf } from './capabilities'
import { Conversation, type PlainLine } from './conversation'
import type { Loss } from './loss'
import type { Timeouts } from './options'
import type { Failure } from './outcome'
import { failureOf } from './heard'
import type { Secured, Securer } from './tls'
import { type TlsFailure, tlsFailure, tlsCut } from './tls-failure'

export interface PlainPhaseOptions {
  readonly helo: string
  readonly timeouts: Timeouts
  readonly clock: Clock
  readonly secure: Securer
  /** Hears that the server greets. */
  readonly greeted: () => void
}

export type PlainResult = Secured | { kind: 'failed'; failure: Failure }

/** The server does not know EHLO (RFC 5321 section 4.2.2), so it cannot know STARTTLS either. */
const NOT_IMPLEMENTED: readonly number[] = [500, 502, 504]

/**
 * The conversation before TLS: greeting, EHLO, STARTTLS, and nothing else can be said here. HELO
 * is never tried: it offers no STARTTLS.
 */
export class PlainPhase {
  private readonly conversation: Conversation<PlainLine>

  constructor(
    private readonly socket: Socket,
    private readonly host: string,
    private readonly options: PlainPhaseOptions,
  ) {
    this.conversation = Conversation.plain(socket, options.clock)
  }

  /** Goes through all of it. After a failure the socket is destroyed. */
  async secure(): Promise<PlainResult> {
    const failure = (await this.greeting()) ?? (await this.ehlo()) ?? (await this.startTls())
    if (failure) {
      this.conversation.detach()
      this.socket.destroy()
      return { kind: 'failed', failure }
    }
    this.conversation.detach()
    return this.options.secure(this.socket, this.host)
  }

  private async greeting(): Promise<Failure | undefined> {
    const { timeouts, greeted } = this.options
    const step = await this.conversation.read('CONNECT', timeouts.greeting)
    if (step.kind === 'passed') greeted()
    return failureOf(step)
  }

  private async ehlo(): Promise<Failure | undefined> {
    const { helo, timeouts } = this.options
    const step = await this.conversation.exchange('EHLO', `EHLO ${helo}`, timeouts.command)
    if (step.kind === 'refused' && NOT_IMPLEMENTED.includes(step.reply.code)) {
      return tlsFailure('starttls-not-supported', 'EHLO is not supported')
    }
    if (step.kind !== 'passed') return failureOf(step)
    const offered: Capabilities = capabilitiesOf(step.lines)
    return offered.starttls
      ? undefined
      : tlsFailure('starttls-not-supported', 'STARTTLS is not offered')
  }

  /** From the moment that STARTTLS was sent every failure is one of TLS (spec 5.4). */
  private async startTls(): Promise<Failure | undefined> {
    const { timeouts } = this.options
    const early = this.conversation.pending
    const step = await this.conversation.exchange('STARTTLS', 'STARTTLS', timeouts.command)
    if (early) return failureOf(step)
    if (step.kind === 'refused') {
      const text = `STARTTLS was refused with ${step.reply.code}`
      return step.reply.code === NOT_NOW
        ? tlsCut(text, 'starttls-not-supported')
        : tlsFailure('starttls-not-supported', text)
    }
    if (step.kind === 'lost') return lostInStartTls(step.failure)
    // Octets behind the 220 came in plain text and would be read as if TLS had protected them.
    if (this.conversation.pending || this.socket.readableLength > 0) {
      return tlsFailure('validation-failure', 'data behind the reply to STARTTLS')
    }
    return undefined
  }
}

/** A positive reply other than 220 refuses TLS as much as a 4xx or 5xx does. */
function lostInStartTls(loss: Loss): TlsFailure {
  if (loss.kind === 'tls') return loss
  return loss.details === 'protocol'
    ? tlsFailure('starttls-not-supported', loss.reason)
    : tlsCut(`${loss.reason} after STARTTLS`)
}

/** "TLS not available due to temporary reason" (RFC 3207 section 4). */
const NOT_NOW = 454
