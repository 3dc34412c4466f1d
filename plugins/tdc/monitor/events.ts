/**
 * Everything that the connector tells about itself: each event is one log line and, where it
 * matters, one counter and one tracking step. Values from outside stand here as they came; they
 * are made safe where the line is written (lines.ts), and only there.
 */
export type TdcEvent =
  // ── the decision ──
  | { kind: 'skipped'; transaction: string; sender: string; recipients: number; reason: SkipReason }
  // ── the queue ──
  | { kind: 'enqueued'; mid: string; messageId: string; intake: string; inDoubt: boolean }
  | { kind: 'loaded'; mid: string; intake: string }
  | { kind: 'withdrawn'; mid: string; why: string }
  | {
      kind: 'journal-failed'
      transaction: string
      intake: string
      policy: JournalFailurePolicy
      why: string
    }
  | { kind: 'damaged'; file: string; why: string }
  | { kind: 'unremovable'; mid: string; file: string; why: string }
  // ── the connection ──
  | { kind: 'dns-error'; domain: string; result: string }
  | { kind: 'connected'; dcid: number; local: string; remote: string; port: number }
  | { kind: 'tls-success'; dcid: number; protocol: string; cipher: string }
  | { kind: 'tls-failed'; dcid: number; host: string; remote: string; reason: string; text: string }
  | {
      kind: 'connection-error'
      dcid: number
      remote: string
      port: number
      details: string
      local: string
      reason: string
    }
  | { kind: 'delivery-start'; dcid: number; mid: string }
  // ── the end of an attempt ──
  | { kind: 'delivered'; mid: string; intake: string; dcid: number; response: string }
  | {
      kind: 'deferred'
      mid: string
      intake: string
      dcid: number
      why: string
      retry: number
      retries: number
      seconds: number
    }
  | { kind: 'tls-error'; mid: string; intake: string; dcid: number; why: string }
  | { kind: 'hard-bounced'; mid: string; intake: string; dcid: number; response: string }
  | {
      kind: 'expired'
      mid: string
      intake: string
      dcid: number
      seconds: number
      response: string
    }
  // ── the settings ──
  | { kind: 'effective'; text: string }
  | { kind: 'problem'; text: string }
  | { kind: 'notice'; text: string }

/** `accept`: the client gets its 250, the missing copy is counted; `tempfail`: the client gets a 451. */
export type JournalFailurePolicy = 'accept' | 'tempfail'

/** Why a message, or some of its recipients, got no copy. The tokens are stable: scripts read them. */
export type SkipReason =
  | { token: 'disabled'; level: string }
  | { token: 'outgoing' }
  | { token: 'quarantined' }
  | { token: 'discarded' }
  | { token: 'to-intake' }
  | { token: 'own-report' }
  | { token: 'policy-no'; policies: readonly string[] }
  | { token: 'journal-failed' }

/** Where events go. The only thing of `monitor/` that the rest of the connector needs. */
export type Report = (event: TdcEvent) => void
