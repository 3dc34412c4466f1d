/**
 * The result types of TLS reporting (RFC 8460 section 4.3, IANA registry "STARTTLS Validation Result
 * Types") that can occur here, by their exact names, so that what is counted can become a report.
 */
export const TLS_RESULTS = [
  'starttls-not-supported',
  'certificate-host-mismatch',
  'certificate-expired',
  'certificate-not-trusted',
  'validation-failure',
  'tlsa-invalid',
  'dnssec-invalid',
  'dane-required',
  'sts-policy-fetch-error',
  'sts-policy-invalid',
  'sts-webpki-invalid',
] as const

export type TlsResult = (typeof TLS_RESULTS)[number]
