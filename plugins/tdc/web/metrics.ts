import { AggregatorRegistry, Registry } from 'prom-client'
import { health, REASONS } from '../monitor/health'
import { COUNTED } from '../monitor/message-counts'
import {
  type DomainStatus,
  type HistogramValue,
  type Status,
  TIMES_IN_QUEUE,
} from '../monitor/status'
import { byDomain, type DomainFigures } from './by-domain'

/**
 * Prometheus's text of what all processes know together. While one of them is silent, sums would look like
 * counters that began anew: then it has only what is said without them.
 */
export function exposition(status: Status): Promise<string> {
  const perDomain = byDomain(status)
  const known = { status, perDomain, pools: poolsOf(perDomain) }
  const isPart = status.silent.length > 0
  const metrics = [...ALL]
    .filter(([, { alsoOfPart }]) => !isPart || alsoOfPart)
    .map(([name, row]) => metricOf(name, row, row.samples(known)))
  return AggregatorRegistry.aggregate([metrics]).metrics()
}

interface Known {
  readonly status: Status
  readonly perDomain: readonly DomainFigures[]
  /** Of the domains that have connections. */
  readonly pools: readonly { readonly labels: Labels; readonly pool: DomainStatus }[]
}

interface Row {
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** What is to be said of it, without a stop: the help of the metric, and its row in docs/monitoring.md. */
  readonly help: string
  readonly labels?: readonly string[]
  /** It is no sum over all processes. */
  readonly alsoOfPart?: true
  readonly samples: (known: Known) => readonly Sample[]
}

/** Every metric but the counters of messages. Labels are domains and words of ours, no address. */
export const METRICS: Readonly<Record<string, Row>> = {
  enabled: {
    type: 'gauge',
    help: '1: copies are made on this machine; 0: not',
    alsoOfPart: true,
    samples: ({ status }) => [only(status.enabled ? 1 : 0)],
  },
  info: {
    type: 'gauge',
    help: 'always 1; the labels tell the versions',
    labels: ['plugin', 'haraka', 'node'],
    alsoOfPart: true,
    samples: ({ status }) => [{ labels: { ...status.versions }, value: 1 }],
  },
  settings_problems: {
    type: 'gauge',
    help: 'sentences about a tdc.ini that was refused; the settings before it are in force',
    alsoOfPart: true,
    samples: ({ status }) => [only(status.problems.length)],
  },
  holds: {
    type: 'gauge',
    help: 'holds in force: 0, or so many intake domains, or 1 for all of them; nothing is sent there',
    alsoOfPart: true,
    samples: ({ status }) => [only(status.holds.length)],
  },
  health: {
    type: 'gauge',
    help: 'what is wrong, by reason: 0 nothing, 1 a warning, 2 failing; without intake_domain the worst of all',
    labels: ['reason', 'intake_domain'],
    alsoOfPart: true,
    samples: ({ status }) => healthSamples(status),
  },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'when each process began, since 1970',
    labels: ['worker'],
    alsoOfPart: true,
    samples: ({ status }) =>
      status.processes.map(({ worker, startedAt }) => labelled({ worker }, startedAt / 1000)),
  },
  skipped_total: {
    type: 'counter',
    help: 'messages or groups of recipients without a copy, by reason: see the log reference',
    labels: ['reason'],
    samples: ({ status: { messages } }) =>
      Object.entries(messages.skipped).map(([reason, value]) => labelled({ reason }, value)),
  },
  messages_total: {
    type: 'counter',
    help: 'ends of copies: delivered, hard_bounced, tls_error, expired; and soft_bounced, attempts that are retried',
    labels: ['intake_domain', 'result'],
    samples: ({ perDomain }) => perDomain.flatMap(results),
  },
  failures_total: {
    type: 'counter',
    help: 'failed attempts and expired copies, by what was in the way: reply, tls, network, dns, expired',
    labels: ['intake_domain', 'class'],
    samples: ({ perDomain }) =>
      perDomain.flatMap(({ domain, figures }) =>
        Object.entries(figures.failures).map(([name, value]) =>
          labelled({ intake_domain: domain, class: name }, value),
        ),
      ),
  },
  queue_messages: {
    type: 'gauge',
    help: 'copies: prepared (the original is on its way), waiting, in_flight, deferred (until the retry), held',
    labels: ['state'],
    samples: ({ status }) => queueStates(status),
  },
  queue_oldest_age_seconds: {
    type: 'gauge',
    help: 'age of the oldest copy in the queue',
    samples: ({ status }) => [only(status.queue.oldestAgeMs / 1000)],
  },
  kept_messages: {
    type: 'gauge',
    help: 'copies that are kept for a replay now',
    samples: ({ status }) => [only(status.kept.count)],
  },
  intake_queue_messages: {
    type: 'gauge',
    help: 'copies in the queue for an intake',
    labels: ['intake_domain'],
    samples: perIntake(({ figures }) => figures.active),
  },
  intake_oldest_age_seconds: {
    type: 'gauge',
    help: 'age of the oldest copy for an intake',
    labels: ['intake_domain'],
    samples: perIntake(({ figures }) => figures.oldestAgeMs / 1000),
  },
  time_in_queue_seconds: {
    type: 'histogram',
    help: 'time in the queue of delivered copies, 0.1 to 120 s',
    labels: ['le'],
    samples: ({ status }) =>
      histogramSamples('time_in_queue_seconds', TIMES_IN_QUEUE, status.timeInQueue),
  },
  last_success_timestamp_seconds: {
    type: 'gauge',
    help: 'last delivery, since 1970; absent before the first',
    labels: ['intake_domain'],
    samples: perIntake(({ figures: { lastSuccess } }) => lastSuccess && lastSuccess / 1000),
  },
  connections: {
    type: 'gauge',
    help: 'connections to the intakes: connecting, idle, busy, closing',
    labels: ['intake_domain', 'state'],
    samples: ({ pools }) =>
      pools.flatMap(({ labels, pool }) =>
        (['connecting', 'idle', 'busy', 'closing'] as const).map((state) =>
          labelled({ ...labels, state }, pool[state]),
        ),
      ),
  },
  intake_up: {
    type: 'gauge',
    help: 'as of the last delivery attempt: 1 up, 0 down; absent before the first',
    labels: ['intake_domain'],
    samples: perPool(({ lastAttempt }) =>
      lastAttempt === 'unknown' ? null : lastAttempt === 'up' ? 1 : 0,
    ),
  },
  tls_sessions_total: {
    type: 'counter',
    help: 'TLS sessions by protocol, cipher and group of the key exchange',
    labels: ['intake_domain', 'protocol', 'cipher', 'group'],
    samples: ({ pools }) =>
      pools.flatMap(({ labels, pool }) =>
        Object.entries(pool.tls.sessions).map(([kind, value]) => {
          const [protocol = '', cipher = '', group = ''] = kind.split(' ')
          return labelled({ ...labels, protocol, cipher, group }, value)
        }),
      ),
  },
  tls_failures_total: {
    type: 'counter',
    help: 'openings of connections that failed, by result type of RFC 8460 section 4.3',
    labels: ['intake_domain', 'result'],
    samples: ({ pools }) =>
      pools.flatMap(({ labels, pool }) =>
        Object.entries(pool.tls.results).map(([result, value]) =>
          labelled({ ...labels, result }, value),
        ),
      ),
  },
  certificate_end_timestamp_seconds: {
    type: 'gauge',
    help: "the earliest end of the intake hosts' certificates, as they were shown last, since 1970",
    labels: ['intake_domain'],
    samples: perPool(({ tls }) => tls.certificateEnd && tls.certificateEnd / 1000),
  },
}

/** With the counters of messages, which other displays have too. */
const ALL: readonly (readonly [name: string, row: Row])[] = [
  ...Object.entries(METRICS),
  ...COUNTED.map(([name, { metric, help }]) => {
    const samples: Row['samples'] = ({ status }) => [only(status.messages[name])]
    return [metric, { type: 'counter', help: help.replace(/\.$/, ''), samples }] as const
  }),
]

/** One value for each intake; null: none. */
function perIntake(valueOf: (domain: DomainFigures) => number | null): Row['samples'] {
  return ({ perDomain }) =>
    perDomain.flatMap((each) => {
      const value = valueOf(each)
      return value === null ? [] : [labelled({ intake_domain: each.domain }, value)]
    })
}

function perPool(valueOf: (pool: DomainStatus) => number | null): Row['samples'] {
  return ({ pools }) =>
    pools.flatMap(({ labels, pool }) => {
      const value = valueOf(pool)
      return value === null ? [] : [labelled(labels, value)]
    })
}

function poolsOf(perDomain: readonly DomainFigures[]): Known['pools'] {
  return perDomain.flatMap(({ domain, delivery }) =>
    delivery ? [{ pool: delivery, labels: { intake_domain: domain } }] : [],
  )
}

/** Each reason once for the whole, and what an intake's domain has. */
function healthSamples(status: Status): Sample[] {
  const { findings } = health(status)
  const value = { warning: 1, failing: 2 } as const
  const shown = new Set(byDomain(status).map(({ domain }) => domain))
  const whole = new Map(Object.keys(REASONS).map((reason) => [reason, 0]))
  const ofIntakes: Sample[] = []
  for (const { reason, domain, state } of findings) {
    whole.set(reason, Math.max(whole.get(reason) ?? 0, value[state]))
    if (domain === null || !shown.has(domain)) continue
    ofIntakes.push(labelled({ reason, intake_domain: domain }, value[state]))
  }
  return [...[...whole].map(([reason, worst]) => labelled({ reason }, worst)), ...ofIntakes]
}

function queueStates({ domains, prepared, deferred, held }: Status): Sample[] {
  const all = Object.values(domains)
  const sum = (of: 'waiting' | 'inFlight') => all.reduce((total, each) => total + each[of], 0)
  return [
    labelled({ state: 'prepared' }, prepared),
    labelled({ state: 'waiting' }, sum('waiting')),
    labelled({ state: 'in_flight' }, sum('inFlight')),
    labelled({ state: 'deferred' }, deferred),
    labelled({ state: 'held' }, held),
  ]
}

/** Each copy once, beside the attempts that were retried. */
function results({ domain, figures }: DomainFigures): Sample[] {
  const { delivered, softBounced, hardBounced, tlsErrors, expired } = figures
  const values = {
    delivered,
    soft_bounced: softBounced,
    hard_bounced: hardBounced - tlsErrors - expired,
    tls_error: tlsErrors,
    expired,
  }
  return Object.entries(values).map(([result, value]) =>
    labelled({ intake_domain: domain, result }, value),
  )
}

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

type Labels = Readonly<Record<string, string>>

interface Sample {
  readonly labels: Labels
  readonly value: number
  /** With the suffix of a histogram's part. */
  readonly metricName?: string
}

/** As prom-client's own `getMetricsAsJSON` has it. */
function metricOf(name: string, { type, help }: Row, values: readonly Sample[]) {
  return { name: `haraka_tdc_${name}`, help: `${help}.`, type, aggregator: 'sum', values } as const
}

/** Limits in milliseconds become seconds; the counts become cumulative, as Prometheus has them. */
function histogramSamples(
  name: string,
  limits: readonly number[],
  { counts, sumMs, count }: HistogramValue,
): Sample[] {
  const part = (suffix: string, labels: Labels, value: number): Sample => ({
    metricName: `haraka_tdc_${name}_${suffix}`,
    labels,
    value,
  })
  let below = 0
  const buckets = limits.map((limit, at) => {
    below += counts[at] ?? 0
    return part('bucket', { le: String(limit / 1000) }, below)
  })
  return [
    ...buckets,
    part('bucket', { le: '+Inf' }, count),
    part('sum', {}, sumMs / 1000),
    part('count', {}, count),
  ]
}

function only(value: number): Sample {
  return { labels: {}, value }
}

function labelled(labels: Readonly<Record<string, string | number>>, value: number): Sample {
  return {
    labels: Object.fromEntries(Object.entries(labels).map(([name, text]) => [name, String(text)])),
    value,
  }
}
