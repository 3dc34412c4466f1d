/**
 * What the delivery wants to know of the settings, structurally equal to their types so that
 * delivery imports nothing of settings.
 */

/** Milliseconds, per phase of the conversation. */
export interface Timeouts {
  readonly connect: number
  readonly greeting: number
  readonly tls: number
  /** EHLO, MAIL, RCPT, RSET and the reply to DATA. */
  readonly command: number
  /** Between two steps of progress while the message is written. */
  readonly data: number
  /** From the final dot to the reply. */
  readonly final: number
}

export interface TlsPolicy {
  /** Chain and host name are verified. */
  readonly verify: boolean
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** PEM text of the trusted roots in place of Node's own; undefined: Node's. */
  readonly ca: string | undefined
  /** PEM texts of our own certificate, with those that vouch for it, and its key; undefined: none. */
  readonly client: { readonly cert: string; readonly key: string } | undefined
  /** SHA-256 of the public keys one of which the server must have, in base64; empty: any. */
  readonly pins: readonly string[]
  /** Names of the intake's hosts, as host-pattern.ts has them; empty: any that the MX records hold. */
  readonly names: readonly string[]
  /** The MTA-STS policy of the intake's domain is looked for and enforced (RFC 8461). */
  readonly mtaSts: boolean
  /** Whether the hosts' TLSA records are looked for (RFC 7672), and must be there. */
  readonly dane: 'off' | 'auto' | 'require'
}

/** A host and port in place of MX look-ups. */
export interface FixedHost {
  readonly host: string
  readonly port: number
}
