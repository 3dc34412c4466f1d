/**
 * The result types of TLS reporting (RFC 8460 section 4.3 and the IANA registry
 * "STARTTLS Validation Result Types"), so that what is counted here can become a report later.
 */
export type TlsFailureReason =
  | 'starttls-not-supported'
  | 'certificate-host-mismatch'
  | 'certificate-expired'
  | 'certificate-not-trusted'
  | 'validation-failure'
