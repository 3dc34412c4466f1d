import { LIMITS, bounded } from '../base/text'
import { createHash, type X509Certificate } from 'node:crypto'

/** What is told of a server's certificate. */
export interface Certificate {
  /** Distinguished name, one attribute after the other; '' when it has none. */
  readonly issuer: string
  /** SHA-256 of the whole certificate, in hex. */
  readonly fingerprint: string
  /** Milliseconds since 1970; Infinity when it cannot be read. */
  readonly end: number
  /** SHA-256 of the public key (SubjectPublicKeyInfo, RFC 7469 section 2.4), in base64. */
  readonly pin: string | undefined
}

export function certificateOf(certificate: X509Certificate): Certificate {
  const end = Date.parse(certificate.validTo)
  return {
    issuer: bounded(issuerOf(certificate).replaceAll('\n', ', '), LIMITS.certificate),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    end: Number.isNaN(end) ? Infinity : end,
    pin: pinOf(certificate),
  }
}

/**
 * What the certificate names that `tls.checkServerIdentity` refused with this error, as `DNS:mx.example,
 * IP Address:192.0.2.1`.
 */
export function namesIn(error: Error): string {
  const { cert } = error as { readonly cert?: { readonly subjectaltname?: string } }
  return bounded(cert?.subjectaltname ?? 'none', LIMITS.certificate)
}

/** Node's types do not know that an empty name is undefined. */
function issuerOf(certificate: { readonly issuer: string | undefined }): string {
  return certificate.issuer ?? ''
}

/** As `openssl x509 -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary` has it. */
export function pinOf(certificate: X509Certificate): string | undefined {
  try {
    const key = certificate.publicKey.export({ type: 'spki', format: 'der' })
    return createHash('sha256').update(key).digest('base64')
  } catch {
    // A key of a kind that OpenSSL does not know: no pin can be right.
    return undefined
  }
}
