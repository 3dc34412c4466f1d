import { constants } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import { connect, createSecureContext, type TLSSocket } from 'node:tls'
import type { Clock } from '../clock'
import { errorCode } from '../error-code'
import type { TlsPolicy } from './options'
import type { Failure } from './outcome'
import type { TlsFailureReason } from './tls-failure'

declare const verified: unique symbol

/**
 * A socket whose TLS handshake has succeeded as the policy wants it. Only this file makes one, so
 * a function that asks for it cannot be given a socket in plain text.
 */
export type SecureSocket = TLSSocket & { readonly [verified]: true }

export type TlsFailure = Extract<Failure, { kind: 'tls' }>

export type Secured =
  | { kind: 'secured'; socket: SecureSocket; protocol: string; cipher: string }
  | { kind: 'failed'; failure: TlsFailure }

/** Makes the TLS session over a connected socket; `host` is the MX host's name, or an address. */
export type Securer = (socket: Socket, host: string) => Promise<Secured>

/** Protocols that satisfy each minimum, as `getProtocol` names them. */
const ACCEPTED: Readonly<Record<TlsPolicy['minVersion'], readonly (string | null)[]>> = {
  'TLSv1.2': ['TLSv1.2', 'TLSv1.3'],
  'TLSv1.3': ['TLSv1.3'],
}

/** Verification codes of Node and OpenSSL (X509_V_ERR_*) as result types of RFC 8460 section 4.3. */
const BY_CODE: Readonly<Record<string, readonly [TlsFailureReason, string]>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: ['certificate-host-mismatch', 'the certificate names other hosts'],
  HOSTNAME_MISMATCH: ['certificate-host-mismatch', 'the certificate names other hosts'],
  CERT_HAS_EXPIRED: ['certificate-expired', 'the certificate has expired'],
  CERT_NOT_YET_VALID: ['validation-failure', 'the certificate is not yet valid'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['certificate-not-trusted', 'the certificate is self-signed'],
  SELF_SIGNED_CERT_IN_CHAIN: ['certificate-not-trusted', 'the root is not trusted'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['certificate-not-trusted', 'the issuer is not known'],
  UNABLE_TO_GET_ISSUER_CERT: ['certificate-not-trusted', 'the issuer is not known'],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['certificate-not-trusted', 'the issuer is not known'],
  CERT_CHAIN_TOO_LONG: ['certificate-not-trusted', 'the chain is too long'],
  CERT_REVOKED: ['certificate-not-trusted', 'the certificate is revoked'],
  CERT_UNTRUSTED: ['certificate-not-trusted', 'the root is not trusted'],
  CERT_REJECTED: ['certificate-not-trusted', 'the root is not trusted'],
  INVALID_CA: ['certificate-not-trusted', 'the issuer may not issue certificates'],
  PATH_LENGTH_EXCEEDED: ['certificate-not-trusted', 'the issuer may not issue certificates'],
  INVALID_PURPOSE: ['certificate-not-trusted', 'the certificate is not for servers'],
  CERT_SIGNATURE_FAILURE: ['certificate-not-trusted', 'a signature is wrong'],
  ECONNRESET: ['validation-failure', 'connection closed during the handshake'],
  EPIPE: ['validation-failure', 'connection closed during the handshake'],
}

/** A TLS failure without a code of its own. */
export function tlsFailure(reason: TlsFailureReason, text: string): TlsFailure {
  return { kind: 'tls', reason, text }
}

/** The roots are read once, for all connections; where none can be read, no certificate verifies. */
export function makeSecurer(policy: TlsPolicy, timeout: number, clock: Clock): Securer {
  const secureContext = createSecureContext({
    // Explicit, because NODE_OPTIONS can lower the default.
    minVersion: policy.minVersion,
    // In a client `disableRenegotiation` has no effect; only OpenSSL itself can refuse.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(policy.ca === undefined ? {} : { ca: policy.ca }),
  })
  return (socket, host) =>
    new Promise((resolve) => {
      const tls = connect({
        socket,
        secureContext,
        host,
        // SNI carries names only (RFC 6066 section 3); for an address `host` is what is verified.
        ...(isIP(host) === 0 ? { servername: host } : {}),
        // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED changes the default. No `session` is ever
        // given: a resumed one would not be verified again.
        rejectUnauthorized: policy.verify,
      })
      const finish = (result: Secured): void => {
        timer.cancel()
        tls.off('secureConnect', onSecure).off('error', onError).off('close', onClose)
        if (result.kind === 'failed') tls.destroy()
        resolve(result)
      }
      const fail = (failure: TlsFailure): void => finish({ kind: 'failed', failure })
      const onSecure = (): void => finish(inspect(tls, policy))
      const onError = (error: Error): void => fail(handshakeFailure(error))
      const onClose = (): void =>
        fail(tlsFailure('validation-failure', 'connection closed during the handshake'))
      const timer = clock.after(timeout, () =>
        fail(tlsFailure('validation-failure', 'handshake timed out')),
      )
      // The first listener stays: an error after the end must not reach the process.
      tls.on('error', ignore).on('error', onError)
      tls.on('secureConnect', onSecure).on('close', onClose)
    })
}

/** The last look before anything of a message may be written. */
function inspect(tls: TLSSocket, policy: TlsPolicy): Secured {
  const protocol = tls.getProtocol()
  if (protocol === null || !ACCEPTED[policy.minVersion].includes(protocol)) {
    const text = `${protocol ?? 'unknown protocol'} is not enough`
    return { kind: 'failed', failure: tlsFailure('validation-failure', text) }
  }
  if (policy.verify && !tls.authorized) {
    const text = 'the certificate was not verified'
    return { kind: 'failed', failure: tlsFailure('certificate-not-trusted', text) }
  }
  return {
    kind: 'secured',
    socket: tls as SecureSocket,
    protocol,
    cipher: tls.getCipher().name,
  }
}

function handshakeFailure(error: Error): TlsFailure {
  const code = errorCode(error) ?? ''
  const [reason, text] = BY_CODE[code] ?? ['validation-failure', 'the handshake failed']
  return tlsFailure(reason, code === '' ? text : `${text} (${code})`)
}

function ignore(): void {}
