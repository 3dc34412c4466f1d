import type { Failure } from '../smtp/outcome'

/** SMTP replies that are retried although they are 5xx (spec 5.4, from the product document). */
const RETRIED_5XX: ReadonlySet<number> = new Set([503, 552])

/**
 * The retry table of the specification (section 5.4): how often a failure of this class is tried
 * again.
 *
 * | error                              | retry | number |
 * |------------------------------------|-------|--------|
 * | SMTP 5xx, except 503 and 552       | no    | -      |
 * | SMTP 4xx, and 503 / 552            | yes   | 1      |
 * | TLS errors                         | no    | -      |
 * | network, connection and DNS errors | yes   | 1      |
 * | NXDOMAIN, null MX                  | no    | -      |
 */
export function retriesOf(failure: Failure): 0 | 1 {
  switch (failure.kind) {
    case 'reply':
      return failure.reply.code < 500 || RETRIED_5XX.has(failure.reply.code) ? 1 : 0
    case 'tls':
      return 0
    case 'network':
      return 1
    case 'dns':
      return failure.result === 'nxdomain' || failure.result === 'nullmx' ? 0 : 1
  }
}

/** A 5xx that follows the text, and is not retried: what the copy holds is not wanted. */
export function refusesContent(failure: Failure): boolean {
  return (
    failure.kind === 'reply' &&
    failure.command === 'BODY' &&
    failure.reply.code >= 500 &&
    retriesOf(failure) === 0
  )
}
