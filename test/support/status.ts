import { COUNTED, type MessageCount } from '../../plugins/tdc/monitor/message-counts'
import type { QueueFigures, Status } from '../../plugins/tdc/monitor/status'

const NOW = Date.UTC(2026, 0, 1, 12, 0, 30)

export const FIGURES: QueueFigures = {
  active: 7,
  delivered: 104_163,
  softBounced: 3,
  hardBounced: 6,
  tlsErrors: 2,
  expired: 1,
  failures: { reply: 4, tls: 2, network: 1, dns: 0, expired: 1 },
  oldestAgeMs: 12_500,
  lastSuccess: NOW - 1000,
  lastFailure: {
    at: NOW - 60_000,
    class: 'reply',
    text: '550 5.1.1 <journal@scan.example> unknown',
  },
  recent: { delivered: 40, reply: 1, tls: 0, network: 1, dns: 0, expired: 0 },
}

/** A status in which everything has a value. */
export function statusWith(over: Partial<Status> = {}): Status {
  return {
    service: 'Service',
    versions: { plugin: '0.1.0', haraka: '3.3.4', node: 'v20.0.0' },
    takenAt: NOW,
    processes: [{ pid: 11, worker: 1, startedAt: NOW - 3_600_000 }],
    silent: [],
    enabled: true,
    level: 'cluster',
    intake: 'journal@scan.example',
    intakeLevel: 'cluster',
    problems: ['tdc.ini [formats] x@y.example=z: must be journal or bcc'],
    sharing: null,
    queueTrouble: null,
    storeAway: null,
    clockJump: null,
    queue: FIGURES,
    intakes: {
      'journal@scan.example': { ...FIGURES, domain: 'scan.example' },
      'vip@scan.example': { ...FIGURES, active: 1, domain: 'scan.example' },
    },
    domains: {
      'scan.example': {
        waiting: 4,
        inFlight: 2,
        connecting: 1,
        idle: 1,
        busy: 2,
        closing: 0,
        lastAttempt: 'down',
        lastAttemptAt: NOW - 1000,
        limits: { connections: null, messages: null, perSecond: null },
        tls: {
          sessions: { 'TLSv1.3 TLS_AES_256_GCM_SHA384 X25519': 12 },
          satisfied: { config: 12 },
          results: { success: 12, 'certificate-expired': 1 },
          certificateEnd: NOW + 86_400_000 * 30,
        },
      },
    },
    messages: {
      skipped: {
        disabled: 0,
        outgoing: 5,
        quarantined: 1,
        discarded: 0,
        'to-intake': 0,
        'own-report': 0,
        'not-clean': 0,
        'policy-no': 2,
      },
      ...(Object.fromEntries(COUNTED.map(([name]) => [name, 0])) as Record<MessageCount, number>),
      journalFailed: 1,
      kept: 4,
      keptDropped: 1,
      replayed: 2,
    },
    maxAgeMs: 120_000,
    recent: { missed: 1, keptDropped: 1, notKept: 0 },
    disk: { bytes: 2 ** 33, minBytes: 2 ** 26, inodes: 50_000, minInodes: 1_000 },
    prepared: 1,
    deferred: 1,
    held: 3,
    holds: ['scan.example'],
    ages: [1, 2, 3, 1, 0, 0, 0],
    timeInQueue: { counts: [5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 1], sumMs: 130_000, count: 16 },
    kept: { count: 3, bytes: 9000 },
    minutes: [{ at: NOW - 30_000, delivered: 12, failed: 1, depth: 7 }],
    connections: [
      {
        dcid: 5,
        domain: 'scan.example',
        remote: '192.0.2.1',
        since: NOW - 5000,
        messages: 3,
        state: 'busy',
        pid: 11,
      },
    ],
    errors: [
      {
        ...{ at: NOW, kind: 'deferred', domain: 'scan.example' },
        text: 'TDC: MID x to <bob@example.com> deferred',
      },
    ],
    ...over,
  }
}
