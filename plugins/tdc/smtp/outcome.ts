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
