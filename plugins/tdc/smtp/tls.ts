import { constants } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import { connect, createSecureContext, type TLSSocket } from 'node:tls'
import type { Clock } from '../clock'
import { type Certificate, certificateOf, namesIn } from './certificate'
import { chainOf, type DaneDemand, daneProblem } from './dane-chain'
import type { TlsPolicy } from './options'
import {
  failureByCode,
  failureOfHandshake,
  type TlsFailure,
  tlsFailure,
  type TlsFailureReason,
  tlsCut,
} from './tls-failure'

declare const verified: unique symbol

/**
 * A socket whose TLS handshake has succeeded as the policy wants it. Only this file makes one, so
 * a function that asks for it cannot be given a socket in plain text.
 */
export type SecureSocket = TLSSocket & { readonly [verified]: true }

export type Secured =
  | {
      kind: 'secured'
      socket: SecureSocket
      protocol: string
      cipher: string
      /** Of the key exchange, such as X25519MLKEM768; undefined: Node does not know it. */
      group: string | undefined
      sni: string | undefined
      certificate: Certificate
      /** The server asked for a certificate of ours, and there is none. */
      wantsOurs: boolean
      /** What is wrong with the certificate where that was not asked for; undefined: nothing. */
      unverified: TlsFailure | undefined
    }
  | { kind: 'failed'; failure: TlsFailure }

/** The end of a sentence about a refusal. */
export const WANTS_OURS =
  'the intake asks for a client certificate, and [tls] client_certificate is not set'

/** Makes the TLS session over a connected socket; `host` is the MX host's name, or an address. */
export type Securer = (socket: Socket, host: string) => Promise<Secured>

/** What a handshake must satisfy. */
export interface TlsDemands {
  /** Chain and host name, by the trusted roots; not asked for where `dane` is. */
  readonly verify: boolean
  readonly dane: DaneDemand | undefined
}

/** Protocols that satisfy each minimum, as `getProtocol` names them. */
const ACCEPTED: Readonly<Record<TlsPolicy['minVersion'], readonly (string | null)[]>> = {
  'TLSv1.2': ['TLSv1.2', 'TLSv1.3'],
  'TLSv1.3': ['TLSv1.3'],
}

/** What Node.js 20 to 26 have as their default, which is written down so that nothing can lower it. */
const CIPHERS = `TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256
  ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384
  ECDHE-ECDSA-AES256-GCM-SHA384 DHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-SHA256
  DHE-RSA-AES128-SHA256 ECDHE-RSA-AES256-SHA384 DHE-RSA-AES256-SHA384 ECDHE-RSA-AES256-SHA256
  DHE-RSA-AES256-SHA256 HIGH !aNULL !eNULL !EXPORT !DES !RC4 !MD5 !PSK !SRP !CAMELLIA`

/**
 * OpenSSL's security level, the default since 3.2 (SSL_CTX_set_security_level(3)): 112 bits, that is
 * keys of RSA and DH from 2,048 bits on and no signature with SHA-1. Node.js 20 has level 1.
 */
const SECURITY_LEVEL = 2

/** Explicit, because the environment (NODE_OPTIONS, OPENSSL_CONF) can lower each default. */
export const OWN_LIMITS = {
  ciphers: [...CIPHERS.split(/\s+/), `@SECLEVEL=${SECURITY_LEVEL}`].join(':'),
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
} as const

/** The roots are read once, for all connections; where none can be read, no certificate verifies. */
export function makeSecurer(
  policy: Pick<TlsPolicy, 'minVersion' | 'pins' | 'ca' | 'client'>,
  timeout: number,
  clock: Clock,
): (demands: TlsDemands) => Securer {
  const secureContext = createSecureContext({
    ...OWN_LIMITS,
    minVersion: policy.minVersion,
    // In a client `disableRenegotiation` has no effect; only OpenSSL itself can refuse.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(policy.ca === undefined ? {} : { ca: policy.ca }),
    ...policy.client,
  })
  return (demands) => (socket, host) =>
    new Promise((resolve) => {
      const { verify, dane } = demands
      const sni = isIP(host) === 0 ? (dane?.base ?? host) : undefined
      const tls = connect({
        socket,
        secureContext,
        host,
        // SNI carries names only (RFC 6066 section 3); for an address `host` is what is verified.
        ...(sni === undefined ? {} : { servername: sni }),
        // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED changes the default. No `session` is ever
        // given: a resumed one would not be verified again.
        rejectUnauthorized: verify && !dane,
      })
      const finish = (result: Secured): void => {
        timer.cancel()
        tls.off('secureConnect', onSecure).off('error', onError).off('close', onClose)
        if (result.kind === 'failed') tls.destroy()
        resolve(result)
      }
      const fail = (failure: TlsFailure): void => finish({ kind: 'failed', failure })
      const onSecure = (): void =>
        finish(inspectGuarded(tls, sni, { ...policy, ...demands }, clock.wall()))
      const onError = (error: Error): void =>
        fail(withWish(withNames(failureOfHandshake(error), error), wantsOurs(tls, policy)))
      const onClose = (): void => fail(tlsCut('connection closed during the handshake'))
      const timer = clock.after(timeout, () => fail(tlsCut('handshake timed out')))
      // The first listener stays: an error after the end must not reach the process.
      tls.on('error', ignore).on('error', onError)
      tls.on('secureConnect', onSecure).on('close', onClose)
    })
}

/** Certificates are written by strangers: what throws here would end the process. */
function inspectGuarded(...of: Parameters<typeof inspect>): Secured {
  try {
    return inspect(...of)
  } catch (error) {
    return refused('validation-failure', `the session cannot be read (${String(error)})`)
  }
}

/** The last look before anything of a message may be written. */
function inspect(
  tls: TLSSocket,
  sni: string | undefined,
  demands: TlsDemands & Pick<TlsPolicy, 'minVersion' | 'pins' | 'client'>,
  now: number,
): Secured {
  const protocol = tls.getProtocol()
  if (protocol === null || !ACCEPTED[demands.minVersion].includes(protocol)) {
    return refused('validation-failure', `${protocol ?? 'unknown protocol'} is not enough`)
  }
  const chain = chainOf(tls)
  const [leaf] = chain
  if (!leaf) return refused('certificate-not-trusted', 'there is no certificate')
  const problem = demands.dane && daneProblem(chain, demands.dane, now)
  if (problem) return { kind: 'failed', failure: problem }
  if (demands.verify && !demands.dane && !tls.authorized) {
    return refused('certificate-not-trusted', 'the certificate was not verified')
  }
  const certificate = certificateOf(leaf)
  const { pin = 'unknown' } = certificate
  if (demands.pins.length > 0 && !demands.pins.includes(pin)) {
    return refused('certificate-not-trusted', `the key sha256//${pin} is not one of [tls] pin`)
  }
  return {
    kind: 'secured',
    socket: tls as SecureSocket,
    protocol,
    cipher: tls.getCipher().name,
    group: groupOf(tls),
    sni,
    certificate,
    wantsOurs: wantsOurs(tls, demands),
    unverified: tls.authorized ? undefined : failureByCode(String(tls.authorizationError)),
  }
}

/** The names that a certificate has in place of the host's: often they tell who answers there. */
function withNames(failure: TlsFailure, error: Error): TlsFailure {
  if (failure.reason !== 'certificate-host-mismatch') return failure
  return tlsFailure(failure.reason, `${failure.text}: ${namesIn(error)}`)
}

/** Node 22 says nothing of the groups of OpenSSL 3.5, and of Diffie-Hellman only the length. */
function groupOf(tls: TLSSocket): string | undefined {
  const info = tls.getEphemeralKeyInfo() as { type?: string; name?: string; size?: number } | null
  if (info?.name) return info.name
  return info?.type === 'DH' && info.size ? `DH-${info.size}` : undefined
}

/** Only with its wish for a certificate (RFC 8446 section 4.3.2) does a server say which signatures it knows. */
function wantsOurs(tls: TLSSocket, { client }: Pick<TlsPolicy, 'client'>): boolean {
  // Of a socket that is gone it is null, whatever the types say.
  const shared = tls.getSharedSigalgs() as readonly string[] | null
  return client === undefined && shared !== null && shared.length > 0
}

/** With TLS 1.2 a server that must have one ends the handshake. */
function withWish(failure: TlsFailure, wanted: boolean): TlsFailure {
  return wanted ? tlsFailure(failure.reason, `${failure.text}; ${WANTS_OURS}`) : failure
}

function refused(reason: TlsFailureReason, text: string): Secured {
  return { kind: 'failed', failure: tlsFailure(reason, text) }
}

function ignore(): void {}
