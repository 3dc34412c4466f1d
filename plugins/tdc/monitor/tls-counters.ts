import { RecentMap } from '../base/recent-map'
import { safeText } from '../base/text'
import type { TdcEvent } from './events'
import type { TlsFigures } from './status'

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

/** Kinds of TLS session that are told apart; an intake that invents ciphers must not fill memory. */
const MOST_KINDS = 50
const OTHER_KINDS = 'others'

/** Counts the TLS sessions with the hosts of one intake domain, and what kept them from standing. */
export class TlsCounters {
  private readonly sessions = new Map<string, number>()
  /** There are as many of them as there are sets of five words. */
  private readonly satisfied = new Map<string, number>()
  private readonly results = Object.fromEntries(TLS_RESULTS.map((name) => [name, 0])) as Record<
    TlsResult,
    number
  >
  private certificateEnd: number | null = null

  count(event: TdcEvent): void {
    switch (event.kind) {
      case 'tls-success':
        this.add(this.satisfied, event.policy.join(', ') || 'nothing')
        this.add(
          this.sessions,
          safeText([event.protocol, event.cipher, event.group ?? ''].join(' ')),
        )
        // JSON, which carries the status, has no Infinity.
        this.certificateEnd = Number.isFinite(event.certificateEnd) ? event.certificateEnd : null
        break
      case 'dns-error':
        if (event.question === 'TLSA') this.results['dnssec-invalid']++
        break
      case 'tls-failed':
      case 'sts-failed':
      case 'sts-testing':
        this.results[event.reason]++
        break
    }
  }

  value(): TlsFigures {
    return {
      sessions: Object.fromEntries(this.sessions),
      satisfied: Object.fromEntries(this.satisfied),
      results: { ...this.results },
      certificateEnd: this.certificateEnd,
    }
  }

  private add(counts: Map<string, number>, kind: string): void {
    const name = counts.has(kind) || counts.size < MOST_KINDS ? kind : OTHER_KINDS
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
}

const DAY = 86_400_000

/** Milliseconds before its end: time enough to have a certificate renewed by whoever runs the intake. */
export const CERTIFICATE_WARNED = 14 * DAY

/** Certificates whose last warning is remembered; older ones may be warned of again. */
const MOST = 100

/** Finds certificates that will end soon; tells of each at most once per day. */
export class CertificateWatch {
  /** SHA-256 of the certificate -> the day of its last warning, counted from 1970. */
  private readonly warned = new RecentMap<string, number>(() => MOST)

  /** `now`: milliseconds since 1970. The event that warns; undefined: there is nothing to tell. */
  warning(event: TdcEvent, now: number): TdcEvent | undefined {
    if (event.kind !== 'tls-success') return undefined
    const { domain, host, certificateEnd } = event
    const fingerprint = safeText(event.fingerprint)
    const left = certificateEnd - now
    const today = Math.floor(now / DAY)
    if (left > CERTIFICATE_WARNED || this.warned.get(fingerprint) === today) return undefined
    this.warned.renew(fingerprint, today)
    const days = Math.floor(left / DAY)
    return { kind: 'certificate-ends', domain, host, certificateEnd, days }
  }
}
