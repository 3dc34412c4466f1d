import { safeText } from '../base/text'
import type { TdcEvent } from './events'
import type { TlsFigures } from './status'
import { TLS_RESULTS, type TlsResult } from './tls-result'

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
