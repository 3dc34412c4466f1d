import { COUNTED, type MessageCount } from '../../plugins/tdc/monitor/message-counts'
import type { QueueFigures, Status } from '../../plugins/tdc/monitor/status'

/** Fri Feb 16 2024 19:55:34 UTC. */
export const TAKEN_AT = Date.UTC(2024, 1, 16, 19, 55, 34)

const NO_FIGURES: QueueFigures = {
  active: 0,
  delivered: 0,
  softBounced: 0,
  hardBounced: 0,
  tlsErrors: 0,
  expired: 0,
  failures: { reply: 0, tls: 0, network: 0, dns: 0, expired: 0 },
  oldestAgeMs: 0,
  lastSuccess: null,
  lastFailure: null,
  recent: { delivered: 0, reply: 0, tls: 0, network: 0, dns: 0, expired: 0 },
}

export function figures(given: Partial<QueueFigures>): QueueFigures {
  return { ...NO_FIGURES, ...given }
}

/** What a process that has done nothing yet knows, and what is given. */
export function statusOf(given: Partial<Status>): Status {
  return {
    service: 'Cisco Secure Email Threat Defense',
    versions: { plugin: '1.0.0', haraka: '3.3.4', node: 'v20.20.2' },
    takenAt: TAKEN_AT,
    processes: [{ pid: 100, worker: 0, startedAt: TAKEN_AT - 90_000 }],
    silent: [],
    enabled: true,
    level: 'cluster',
    intake: 'journal@scan.example',
    intakeLevel: 'cluster',
    problems: [],
    sharing: null,
    queueTrouble: null,
    storeAway: null,
    clockJump: null,
    queue: NO_FIGURES,
    intakes: {},
    domains: {},
    messages: {
      skipped: {
        disabled: 0,
        outgoing: 0,
        quarantined: 0,
        discarded: 0,
        'to-intake': 0,
        'own-report': 0,
        'not-clean': 0,
        'policy-no': 0,
      },
      ...(Object.fromEntries(COUNTED.map(([name]) => [name, 0])) as Record<MessageCount, number>),
    },
    maxAgeMs: 120_000,
    recent: { missed: 0, keptDropped: 0, notKept: 0 },
    disk: null,
    kept: { count: 0, bytes: 0 },
    prepared: 0,
    deferred: 0,
    held: 0,
    holds: [],
    ages: [0, 0, 0, 0, 0, 0, 0],
    timeInQueue: { counts: [], sumMs: 0, count: 0 },
    minutes: [],
    connections: [],
    errors: [],
    ...given,
  }
}
