import type { TlsFailure } from './tls-failure'

/** The command that a reply answered; `CONNECT` is the greeting, `BODY` the end of the message. */
export type SmtpCommand =
  'CONNECT' | 'EHLO' | 'STARTTLS' | 'MAIL' | 'RCPT' | 'DATA' | 'BODY' | 'QUIT'

export interface Reply {
  /** Three digits, 200 to 599. */
  readonly code: number
  /** RFC 2034 status, such as `5.7.1`: of the last line whose text begins with one. */
  readonly enhanced?: string
  /** The text of all lines, joined with a space, without code and enhanced status. */
  readonly text: string
}

/**
 * Why an attempt did not deliver. The session knows its own phase and says the class itself; no
 * text is ever looked at to find it.
 */
export type Failure =
  /** The intake answered, and the answer was no (4xx or 5xx, or SIZE made the 552 certain). */
  | { kind: 'reply'; command: SmtpCommand; reply: Reply }
  | TlsFailure
  /** TCP: refused, unreachable, timed out, cut; and a peer that does not speak SMTP. */
  | { kind: 'network'; details: NetworkDetails; reason: string }
  /** No address to connect to; or `TLSA`: whether the host may be used is not known. */
  | { kind: 'dns'; domain: string; result: DnsResult; text: string; question?: 'TLSA' }

export type NetworkDetails =
  'timeout' | 'refused' | 'unreachable' | 'reset' | 'closed' | 'protocol' | 'error' | 'descriptors'

/**
 * `nxdomain` and `nullmx` are final (spec 5.4); the others may heal. `private`: there are addresses,
 * but none that an intake on the internet can have.
 */
export type DnsResult = 'nxdomain' | 'nullmx' | 'servfail' | 'timeout' | 'error' | 'private'

/** Who took the copy. */
export interface Taker {
  /** Name of the MX host. */
  readonly host: string
  readonly address: string
  readonly port: number
}

export type Outcome =
  | { kind: 'delivered'; dcid: number; response: string; taker?: Taker }
  /**
   * `dcid` 0: nothing was connected to, as in the appliance's log. `unsent`: no session stood for it, so
   * that it surely was not delivered.
   */
  | { kind: 'failed'; dcid: number; failure: Failure; unsent?: true }
  /** Taken back by the caller (expired, dropped, shutting down); nothing is known of the attempt. */
  | { kind: 'aborted'; dcid: number }

/** SMTP replies that are retried although they are 5xx (spec 5.4, from the product document). */
const RETRIED_5XX: ReadonlySet<number> = new Set([503, 552])

/**
 * The retry table of the specification (section 5.4): how often a failure of this class is tried
 * again.
 *
 * | error                              | retry | number |
 * |------------------------------------|-------|--------|
 * | SMTP 5xx, except 503 and 552       | no    | -      |
 * | SMTP 4xx, and 503 / 552            | yes   | 1      |
 * | TLS errors                         | no    | -      |
 * | network, connection and DNS errors | yes   | 1      |
 * | NXDOMAIN, null MX                  | no    | -      |
 */
export function retriesOf(failure: Failure): 0 | 1 {
  switch (failure.kind) {
    case 'reply':
      return failure.reply.code < 500 || RETRIED_5XX.has(failure.reply.code) ? 1 : 0
    case 'tls':
      return 0
    case 'network':
      return 1
    case 'dns':
      return failure.result === 'nxdomain' || failure.result === 'nullmx' ? 0 : 1
  }
}

/** A 5xx that follows the text, and is not retried: what the copy holds is not wanted. */
export function refusesContent(failure: Failure): boolean {
  return (
    failure.kind === 'reply' &&
    failure.command === 'BODY' &&
    failure.reply.code >= 500 &&
    retriesOf(failure) === 0
  )
}
