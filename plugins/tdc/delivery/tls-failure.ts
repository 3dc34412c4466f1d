import type { TlsResult } from '../monitor/tls-result'

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

const CONNECTION_CODES: readonly string[] = ['ECONNRESET', 'EPIPE']

/** A TLS failure without a code of its own. */
export function tlsFailure(reason: TlsFailureReason, text: string): TlsFailure {
  return { kind: 'tls', reason, text }
}

/** What a code says that ended a handshake; '' when there was none. */
export function failureByCode(code: string): TlsFailure {
  const [reason, text] = BY_CODE[code] ?? ['validation-failure', 'the handshake failed']
  return tlsFailure(reason, code === '' ? text : `${text} (${code})`)
}

/** Whether a code is about a certificate, and not about the connection. */
export function isCertificateCode(code: string): boolean {
  return code in BY_CODE && !CONNECTION_CODES.includes(code)
}
