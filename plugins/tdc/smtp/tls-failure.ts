import { LIMITS, bounded } from '../base/text'
import { errorCode } from '../base/error-code'
import type { TlsResult } from '../monitor/tls-counters'

/** The result types of one connection; the others are of MTA-STS policies. */
export type TlsFailureReason = Exclude<
  TlsResult,
  'sts-policy-fetch-error' | 'sts-policy-invalid' | 'sts-webpki-invalid'
>

/** From sending STARTTLS until the verified session stands; also when STARTTLS is not offered. */
export interface TlsFailure {
  readonly kind: 'tls'
  readonly reason: TlsFailureReason
  readonly text: string
  /** The connection ended, or 454 was said (RFC 3207 section 4): nothing is known of the intake's TLS. */
  readonly mayPass?: true
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
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: ['certificate-not-trusted', 'a signature is wrong'],
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: ['certificate-not-trusted', 'the issuer has no usable key'],
  ERROR_IN_CERT_NOT_BEFORE_FIELD: ['certificate-not-trusted', 'a date cannot be read'],
  ERROR_IN_CERT_NOT_AFTER_FIELD: ['certificate-not-trusted', 'a date cannot be read'],
  // What Node has no code for; the error's message says it.
  UNSPECIFIED: ['certificate-not-trusted', 'the certificate does not verify'],
  ECONNRESET: ['validation-failure', 'connection closed during the handshake'],
  EPIPE: ['validation-failure', 'connection closed during the handshake'],
}

/**
 * What the server says when it ends a handshake (RFC 8446 section 6). By number, because the code that
 * Node makes of OpenSSL's words is another one with each OpenSSL: `ERR_SSL_SSLV3_ALERT_...` with 3.0,
 * `ERR_SSL_SSL/TLS_ALERT_...` with 3.5.
 */
const ALERTS: ReadonlyMap<number, string> = new Map([
  [10, 'unexpected_message'],
  [20, 'bad_record_mac'],
  [22, 'record_overflow'],
  [40, 'handshake_failure'],
  [42, 'bad_certificate'],
  [43, 'unsupported_certificate'],
  [44, 'certificate_revoked'],
  [45, 'certificate_expired'],
  [46, 'certificate_unknown'],
  [47, 'illegal_parameter'],
  [48, 'unknown_ca'],
  [49, 'access_denied'],
  [50, 'decode_error'],
  [51, 'decrypt_error'],
  [70, 'protocol_version'],
  [71, 'insufficient_security'],
  [80, 'internal_error'],
  [86, 'inappropriate_fallback'],
  [109, 'missing_extension'],
  [110, 'unsupported_extension'],
  [112, 'unrecognized_name'],
  [116, 'certificate_required'],
  [120, 'no_application_protocol'],
])

/** How OpenSSL ends the text of an error that is an alert of the other side. */
const ALERT = /SSL alert number (\d{1,3})\s*$/

/** What a first record that is none of TLS is called, by one version of OpenSSL or another. */
const NOT_TLS: readonly string[] = [
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_BAD_RECORD_TYPE',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_RECORD_LAYER_FAILURE',
]

const CONNECTION_CODES: readonly string[] = ['ECONNRESET', 'EPIPE']

/** A TLS failure without a code of its own. */
export function tlsFailure(reason: TlsFailureReason, text: string): TlsFailure {
  return { kind: 'tls', reason, text: bounded(text, LIMITS.sentence) }
}

/** A failure by which nothing is known of the intake's TLS. */
export function tlsCut(text: string, reason: TlsFailureReason = 'validation-failure'): TlsFailure {
  return { ...tlsFailure(reason, text), mayPass: true }
}

/** What an error means that ended a handshake: the same words with every version of Node.js. */
export function failureOfHandshake(error: Error): TlsFailure {
  const code = errorCode(error) ?? ''
  if (code === 'UNSPECIFIED') return withWords(code, error.message)
  const alert = Number(ALERT.exec(error.message)?.[1] ?? NaN)
  if (!Number.isNaN(alert)) {
    const text = `the intake ended the handshake: alert ${ALERTS.get(alert) ?? 'unknown'} (${alert})`
    return tlsFailure('validation-failure', text)
  }
  if (NOT_TLS.includes(code)) return tlsFailure('validation-failure', 'the answer is not TLS')
  // OpenSSL's own words, such as "dh key too small".
  const { reason } = error as { readonly reason?: unknown }
  return code.startsWith('ERR_SSL_') && typeof reason === 'string'
    ? withWords(code, reason)
    : failureByCode(code)
}

function withWords(code: string, words: string): TlsFailure {
  const { reason, text } = failureByCode(code)
  return tlsFailure(reason, `${text}: ${words}`)
}

/** What a code says that ended a handshake; '' when there was none. */
export function failureByCode(code: string): TlsFailure {
  const [reason, text] = BY_CODE[code] ?? ['validation-failure', 'the handshake failed']
  const words = code === '' ? text : `${text} (${code})`
  return CONNECTION_CODES.includes(code) ? tlsCut(words, reason) : tlsFailure(reason, words)
}

/** Whether a code is about a certificate, and not about the connection. */
export function isCertificateCode(code: string): boolean {
  return code in BY_CODE && !CONNECTION_CODES.includes(code)
}
