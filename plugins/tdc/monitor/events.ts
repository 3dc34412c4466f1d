import type { MessageCount } from './message-counts'
import type { TlsResult } from './tls-counters'

/**
 * Everything that the connector tells about itself: each event is one log line or a few and, where
 * it matters, a counter (event-table.ts). Values from outside stand here as they came; they are made safe
 * where the line is worded, and only there.
 */
export type TdcEvent =
  // ── the decision ──
  | {
      kind: 'decided'
      transaction: string
      messageId: string
      sender: string
      recipients: readonly string[]
      /** Those that a plugin made of what the client gave. */
      rewritten?: readonly Rewritten[]
      /** What scanners said, one text each. */
      verdicts?: readonly string[]
      /** One for each copy that is to be made. */
      routes: readonly RouteTold[]
    }
  | {
      kind: 'skipped'
      transaction: string
      sender: string
      recipients: number
      reason: SkipReason
    }
  /** It has the header of a report of ours, and counts as any other message. */
  | { kind: 'token-refused'; transaction: string; why: string }
  // ── the queue ──
  | { kind: 'prepared'; mid: string; intake: string; size: number }
  /** Not accepted: it has a bare CR. */
  | { kind: 'original-refused'; transaction: string; sender: string }
  /** Bare CR or LF of the original was replaced; `mid` is the first copy's. */
  | { kind: 'normalized'; mid: string }
  | { kind: 'enqueued'; mid: string; messageId: string; intake: string; doubt?: Doubt | undefined }
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
  | { kind: 'vanished'; mid: string; intake: string }
  | { kind: 'unremovable'; mid: string; file: string; why: string }
  // ── what was asked of the queue ──
  | { kind: 'dropped'; mid: string; intake: string }
  /** Without a domain: all; `copies` are those of this process. */
  | { kind: 'held'; domain: string | undefined; copies: number }
  | { kind: 'released'; domain: string | undefined; copies: number }
  | { kind: 'hold-not-stored'; why: string }
  | { kind: 'holds-unreadable'; why: string }
  // ── copies that were given up ──
  | { kind: 'kept'; mid: string; intake: string }
  | { kind: 'not-kept'; mid: string; why: string }
  /** `why`: the setting that it was beyond, or `on request`. */
  | { kind: 'kept-dropped'; mid: string; why: string }
  | { kind: 'not-dropped'; mid: string; why: string }
  | {
      kind: 'replayed'
      mid: string
      messageId: string
      intake: string
      /** Milliseconds since 1970. */
      givenUpAt: number
      /** `tls-error`, `hard-bounce` or `expired`. */
      reason: string
    }
  | { kind: 'not-replayed'; mid: string; why: string }
  /** Of intakes that the settings no longer have. */
  | { kind: 'kept-for-others'; intakes: readonly string[]; copies: number }
  // ── copies of another server ──
  /** `from`: the queue directory in which it was. */
  | { kind: 'adopted'; mid: string; messageId: string; intake: string; from: string }
  | { kind: 'not-adopted'; file: string; why: string }
  // ── the connection ──
  /** `why` only where the result by itself does not tell what to do. */
  | { kind: 'dns-error'; domain: string; question?: 'TLSA'; result: string; why?: string }
  | { kind: 'connected'; dcid: number; local: string; remote: string; port: number }
  | ({ kind: 'tls-success'; dcid: number; domain: string; host: string } & TlsFacts)
  | {
      kind: 'tls-failed'
      /** 0: the host was refused by its name, no connection was made. */
      dcid: number
      host: string
      remote: string
      reason: TlsResult
      text: string
    }
  /** It asked for a certificate of ours, has none, and refused. */
  | { kind: 'certificate-wanted'; dcid: number; domain: string; host: string; said: string }
  | { kind: 'certificate-ends'; domain: string; host: string; certificateEnd: number; days: number }
  // ── MTA-STS ──
  | { kind: 'sts-policy'; domain: string; mode: string; mx: readonly string[]; seconds: number }
  | { kind: 'sts-failed'; domain: string; reason: TlsResult; text: string; kept: boolean }
  | {
      kind: 'sts-testing'
      dcid: number
      domain: string
      host: string
      reason: TlsResult
      text: string
    }
  | {
      kind: 'connection-error'
      dcid: number
      remote: string
      port: number
      details: string
      local: string
      reason: string
    }
  /** What an intake refused that costs no copy an attempt; `count`: since the last such event. */
  | {
      kind: 'refused'
      what: 'connections' | 'messages'
      domain: string
      remote: string
      port: number
      count: number
      reply: string
    }
  /** `count`: how often, since the last such event; `most`: connections that this process may have. */
  | { kind: 'out-of-descriptors'; count: number; most: number }
  | { kind: 'delivery-start'; dcid: number; mid: string }
  // ── the end of an attempt ──
  | ({ kind: 'delivered'; response: string } & Attempted)
  | ({
      kind: 'deferred'
      failure: FailureClass
      response: BounceResponse
      retry: number
      retries: number
      /** Until the retry. */
      seconds: number
    } & Attempted)
  /** Refused for what it holds: it goes out once more, with its original as a file. */
  | ({ kind: 'fell-back'; response: BounceResponse } & Attempted)
  | ({ kind: 'tls-error'; response: BounceResponse } & Attempted)
  | ({ kind: 'hard-bounced'; failure: FailureClass; response: BounceResponse } & Attempted)
  | ({ kind: 'expired'; response: BounceResponse } & Attempted)
  // ── the settings ──
  | { kind: 'effective'; text: string }
  /** Beside who gets copies, of which a warning tells. */
  | { kind: 'settings-changed'; what: string }
  // ── what the machines share ──
  | { kind: 'shared-changed'; revision: number; change: SharedChange | undefined }
  | { kind: 'shared-trouble'; trouble: SharedTrouble; revision: number; why: string }
  /** The trouble is over. */
  | { kind: 'shared-well'; revision: number }
  /** Written back to Redis. */
  | { kind: 'shared-restored'; revision: number; why: string }
  | { kind: 'shared-not-stored'; revision: number; why: string }
  | { kind: 'not-reported'; why: string }
  | { kind: 'reported-again' }
  // ── how it is (health.ts) ──
  | { kind: 'trouble'; text: string }
  | { kind: 'trouble-over'; what: string; seconds: number }
  | { kind: 'problem'; text: string }
  /** Copies are written to this machine's disk in place of the queue that machines share. */
  | { kind: 'queue-away'; why: string }
  | { kind: 'queue-back'; seconds: number }
  | { kind: 'warning'; text: string }

/**
 * Why a copy is sent in doubt: the outcome of the original is `unknown`, or only `some` of its
 * recipients have it.
 */
export type Doubt = 'unknown' | 'some'

/** What keeps this machine from following the shared settings. */
export type SharedTrouble = 'away' | 'nonsense' | 'refused'

/** Who changed the shared settings, and what of them; null: it is not shared. */
export interface SharedChange {
  readonly author: string
  readonly values: readonly {
    readonly section: string
    readonly key: string
    readonly after: string | null
  }[]
}

/** What every attempt that ended tells of its copy. */
export interface Attempted {
  mid: string
  intake: string
  messageId: string
  /** 0: no connection was made. */
  dcid: number
  /** Milliseconds in the queue. */
  age: number
  /** Attempts that were charged to it, this one included. */
  attempts: number
}

/** What was in the way; `expired`: its time was over. */
export type FailureClass = 'reply' | 'tls' | 'network' | 'dns' | 'expired'

/** A recipient as it was given, and as it went on. */
interface Rewritten {
  given: string
  address: string
}

/** Where recipients of a message go, and by which policies. */
interface RouteTold {
  intake: string
  recipients: number
  policies: readonly string[]
}

/** What a TLS session is made of, and why it was taken for the intake's. */
interface TlsFacts {
  readonly protocol: string
  readonly cipher: string
  /** Of the key exchange, such as X25519MLKEM768; undefined: Node does not know it. */
  readonly group: string | undefined
  /** The name in SNI; undefined: the host is an address. */
  readonly sni: string | undefined
  /** Chain and host name are good, whether or not that was demanded. */
  readonly authorized: boolean
  readonly issuer: string
  /** SHA-256 of the certificate, in hex. */
  readonly fingerprint: string
  /** Milliseconds since 1970. */
  readonly certificateEnd: number
  /** What had to be satisfied. */
  readonly policy: readonly TlsPolicySource[]
}

/** `config`: [tls] verify, the others what their names say. Tokens for scripts, as in the log. */
export type TlsPolicySource = 'config' | 'pin' | 'names' | 'dane' | 'sts'

/** `accept`: the client gets its 250 and the missing copy is counted; `tempfail`: it gets a 451. */
type JournalFailurePolicy = 'accept' | 'tempfail'

/**
 * Why a copy was given up or put off, in the shape of the appliance's log:
 * `5.1.2 - Bad destination host ('000', ['DNS Hard Error ...'])`.
 */
export interface BounceResponse {
  /** Enhanced status (RFC 3463). */
  readonly status: string
  readonly meaning: string
  /** The intake's reply code; `000` when it was not a reply. */
  readonly code: string
  readonly detail: string
}

/** Why a message, or some of its recipients, got no copy. The tokens are stable: scripts read them. */
export type SkipReason =
  | { token: 'disabled'; level: string }
  | { token: 'outgoing' }
  | { token: 'quarantined' }
  | { token: 'discarded' }
  | { token: 'to-intake' }
  | { token: 'own-report' }
  /** The rule of `[clean] unless` that held. */
  | { token: 'not-clean'; rule: string }
  | { token: 'policy-no'; policies: readonly string[] }

export type EventKind = TdcEvent['kind']
export type EventOf<K extends EventKind> = Extract<TdcEvent, { kind: K }>

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** By how much figures of the queue, and of the copy's intake, change. */
export type CopyCounts = Partial<
  Readonly<
    Record<'active' | 'delivered' | 'softBounced' | 'hardBounced' | 'tlsErrors' | 'expired', 1 | -1>
  >
>

/** What the connector does with an event of one kind. */
export interface Row<E> {
  /** Of its lines; info unless it stands here. */
  readonly level?: LogLevel
  /** Its lines, in order. */
  readonly words: (event: E, service: string) => string | readonly string[]
  /** A line at level debug that follows. */
  readonly details?: (event: E) => string
  /** What its last line says beside its text in the structured log formats. */
  readonly fields?: (event: E) => Record<string, unknown>
  /** Its step in tracking; its first line unless it stands here. */
  readonly track?: (event: E) => string
  /** The counter of messages that goes up. */
  readonly counts?: MessageCount | ((event: E) => MessageCount | undefined)
  /** The change of the queue's figures; then the event names an intake. */
  readonly copy?: CopyCounts
  /** What was in the way of its copy. */
  readonly failure?: (event: E) => FailureClass
  /** Its first line is kept among the last errors. */
  readonly isError?: true
}

/** Where events go: the one thing of `monitor/` that the rest of the connector needs. */
export type Report = (event: TdcEvent) => void
