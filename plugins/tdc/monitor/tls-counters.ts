import type { TdcEvent } from './events'
import type { TlsFigures } from './status'

/** Kinds of TLS session that are told apart; an intake that invents ciphers must not fill memory. */
const MOST_KINDS = 50
const OTHER_KINDS = 'others'

/** Counts the TLS sessions with the hosts of one intake domain. */
export class TlsCounters {
  private readonly sessions = new Map<string, number>()

  count(event: TdcEvent): void {
    if (event.kind !== 'tls-success') return
    const kind = `${event.protocol} ${event.cipher}`
    const known = this.sessions.has(kind) || this.sessions.size < MOST_KINDS
    const name = known ? kind : OTHER_KINDS
    this.sessions.set(name, (this.sessions.get(name) ?? 0) + 1)
  }

  value(): TlsFigures {
    return { sessions: Object.fromEntries(this.sessions), results: {}, certificateEnd: null }
  }
}
