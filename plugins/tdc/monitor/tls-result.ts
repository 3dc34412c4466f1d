/**
 * The result types of TLS reporting (RFC 8460 section 4.3, IANA registry "STARTTLS Validation Result
 * Types") that can occur here, by their exact names, so that what is counted can become a report.
 * The types of DANE are missing: it is not supported.
 */
export const TLS_RESULTS = [
  'starttls-not-supported',
  'certificate-host-mismatch',
  'certificate-expired',
  'certificate-not-trusted',
  'validation-failure',
  'sts-policy-fetch-error',
  'sts-policy-invalid',
  'sts-webpki-invalid',
] as const

export type TlsResult = (typeof TLS_RESULTS)[number]
