import type { MinuteFigures } from '../monitor/minutes'
import type {
  ConnectionStatus,
  DiskRoom,
  DomainStatus,
  ErrorNote,
  HistogramValue,
  IntakeStatus,
  LastFailure,
  LearnedLimits,
  MessageCounters,
  ProcessInfo,
  QueueFigures,
  RecentCopies,
  RecentMessages,
  SilentWorker,
  Status,
  TlsFigures,
  Versions,
} from '../monitor/status'
import type { TrackedMessage, TrackedStep } from '../monitor/tracked'
import { byName, flag, list, number, oneOf, orAbsent, orNull, record, text } from './shape'

/** What another machine says of itself may be of another version, or anything. */
const MOST = 2_000
const LONGEST = 1_000

const texts = text(LONGEST)

const figures = {
  active: number,
  delivered: number,
  softBounced: number,
  hardBounced: number,
  tlsErrors: number,
  expired: number,
  failures: record<QueueFigures['failures']>({
    reply: number,
    tls: number,
    network: number,
    dns: number,
    expired: number,
  }),
  oldestAge: number,
  lastSuccess: orNull(number),
  lastFailure: orNull(record<LastFailure>({ at: number, class: texts, text: texts })),
  recent: record<RecentCopies>({
    delivered: number,
    reply: number,
    tls: number,
    network: number,
    dns: number,
    expired: number,
  }),
}

const domain = record<DomainStatus>({
  waiting: number,
  inFlight: number,
  connecting: number,
  idle: number,
  busy: number,
  closing: number,
  lastAttempt: oneOf('up', 'down', 'unknown'),
  lastAttemptAt: orNull(number),
  limits: record<LearnedLimits>({
    connections: orNull(number),
    messages: orNull(number),
    perSecond: orNull(number),
  }),
  tls: record<TlsFigures>({
    sessions: byName(number, MOST),
    satisfied: orAbsent(byName(number, MOST)),
    results: byName(number, MOST),
    certificateEnd: orNull(number),
  }),
})

const messages = record<MessageCounters>({
  skipped: byName(number, MOST),
  journalFailed: number,
  inDoubt: number,
  withdrawn: number,
  tokensRefused: number,
  originalsRefused: number,
  fellBack: number,
  normalized: number,
  kept: number,
  keptDropped: number,
  replayed: number,
  dropped: number,
})

const connection = record<ConnectionStatus>({
  dcid: number,
  domain: texts,
  remote: texts,
  since: number,
  messages: number,
  state: oneOf('connecting', 'idle', 'busy', 'closing'),
  pid: number,
})

/** A Status as it is read from Redis. */
export const statusShape = record<Status>({
  service: texts,
  versions: record<Versions>({ plugin: texts, haraka: texts, node: texts }),
  takenAt: number,
  processes: list(record<ProcessInfo>({ pid: number, worker: number, startedAt: number }), MOST),
  silent: list(record<SilentWorker>({ worker: number, pid: number }), MOST),
  enabled: flag,
  level: texts,
  intake: orNull(texts),
  intakeLevel: orNull(texts),
  problems: list(texts, MOST),
  queue: record<QueueFigures>(figures),
  intakes: byName(record<IntakeStatus>({ ...figures, domain: texts }), MOST),
  domains: byName(domain, MOST),
  messages,
  maxAge: number,
  recent: record<RecentMessages>({ missed: number, keptDropped: number }),
  disk: orNull(
    record<DiskRoom>({
      bytes: number,
      minBytes: number,
      inodes: orNull(number),
      minInodes: number,
    }),
  ),
  prepared: number,
  deferred: number,
  held: number,
  holds: list(texts, MOST),
  ages: list(number, MOST),
  timeInQueue: record<HistogramValue>({ counts: list(number, MOST), sum: number, count: number }),
  minutes: list(
    record<MinuteFigures>({ at: number, delivered: number, failed: number, depth: number }),
    MOST,
  ),
  connections: list(connection, MOST),
  errors: list(record<ErrorNote>({ at: number, kind: texts, text: texts }), MOST),
})

const step = record<TrackedStep>({ at: number, kind: texts, mid: orNull(texts), text: texts })

export const trackedShape = record<TrackedMessage>({
  transaction: texts,
  at: number,
  messageId: texts,
  sender: texts,
  recipients: list(texts, MOST),
  recipientCount: number,
  steps: list(step, MOST),
})
