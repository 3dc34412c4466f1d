import { AggregatorRegistry, Registry } from 'prom-client'
import { health, REASONS } from '../monitor/health'
import { COUNTED } from '../monitor/message-counts'
import { type HistogramValue, type Status, TIMES_IN_QUEUE } from '../monitor/status'
import { byDomain, type DomainFigures } from './by-domain'

/** Prometheus's text of what all processes know together. */
export function exposition(status: Status): Promise<string> {
  return textOf(metricsOf(status))
}

/** Every metric; docs/monitoring.md lists them. Labels are domains and words of ours, no address. */
function metricsOf(status: Status): Metric[] {
  return [
    ...stateMetrics(status),
    ...messageMetrics(status),
    ...copyMetrics(status),
    ...deliveryMetrics(status),
  ]
}

function stateMetrics(status: Status): Metric[] {
  const { enabled, versions, processes, problems, holds } = status
  return [
    gauge('enabled', 'Whether copies are made on this machine (1) or not (0).', [
      only(enabled ? 1 : 0),
    ]),
    gauge('info', 'Always 1; the labels tell the versions.', [
      { labels: { ...versions }, value: 1 },
    ]),
    gauge('settings_problems', 'Sentences about a tdc.ini that was refused; 0: it was taken.', [
      only(problems.length),
    ]),
    gauge('holds', 'Holds in force: 0, or so many intake domains, or 1 for all of them.', [
      only(holds.length),
    ]),
    gauge(
      'health',
      'What is wrong, by reason: 0 nothing, 1 a warning, 2 failing; without a domain the worst of all.',
      healthSamples(status),
    ),
    gauge(
      'process_start_time_seconds',
      'When each worker process began, since 1970.',
      processes.map(({ worker, startedAt }) => labelled({ worker }, startedAt / 1000)),
    ),
  ]
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

function messageMetrics({ messages }: Status): Metric[] {
  return [
    counter(
      'skipped_total',
      'Messages or groups of recipients without a copy, by reason.',
      Object.entries(messages.skipped).map(([reason, value]) => labelled({ reason }, value)),
    ),
    ...COUNTED.map(([name, { metric, help }]) => counter(metric, help, [only(messages[name])])),
  ]
}

function copyMetrics(status: Status): Metric[] {
  const { queue, timeInQueue } = status
  const perDomain = byDomain(status)
  return [
    counter(
      'messages_total',
      'Copies by result; soft_bounced are attempts that are retried, the others ends.',
      perDomain.flatMap(results),
    ),
    counter(
      'failures_total',
      'Attempts that failed and copies that expired, by what was in the way.',
      perDomain.flatMap(({ domain, figures }) =>
        Object.entries(figures.failures).map(([name, value]) =>
          labelled({ intake_domain: domain, class: name }, value),
        ),
      ),
    ),
    gauge('queue_messages', 'Copies by where they are.', queueStates(status)),
    gauge('kept_messages', 'Copies that were given up and are kept for a replay.', [
      only(status.kept.count),
    ]),
    gauge('queue_oldest_age_seconds', 'How long the oldest copy has been in the queue.', [
      only(queue.oldestAgeMs / 1000),
    ]),
    gauge(
      'intake_queue_messages',
      'Copies in the queue for an intake.',
      perDomain.map(({ domain, figures }) => labelled({ intake_domain: domain }, figures.active)),
    ),
    gauge(
      'intake_oldest_age_seconds',
      'How long the oldest copy for an intake has been in the queue.',
      perDomain.map(({ domain, figures }) =>
        labelled({ intake_domain: domain }, figures.oldestAgeMs / 1000),
      ),
    ),
    histogram(
      'time_in_queue_seconds',
      'Time in the queue of delivered copies.',
      TIMES_IN_QUEUE,
      timeInQueue,
    ),
    gauge(
      'last_success_timestamp_seconds',
      'When a copy was delivered last, since 1970.',
      perDomain.flatMap(({ domain, figures: { lastSuccess } }) =>
        lastSuccess === null ? [] : [labelled({ intake_domain: domain }, lastSuccess / 1000)],
      ),
    ),
  ]
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

function deliveryMetrics(status: Status): Metric[] {
  const perDomain = byDomain(status)
  const known = perDomain.flatMap(({ domain, delivery }) =>
    delivery ? [{ delivery, labels: { intake_domain: domain } }] : [],
  )
  return [
    gauge(
      'connections',
      'Connections to the intakes by state.',
      known.flatMap(({ labels, delivery }) =>
        (['connecting', 'idle', 'busy', 'closing'] as const).map((state) =>
          labelled({ ...labels, state }, delivery[state]),
        ),
      ),
    ),
    gauge(
      'intake_up',
      'As of the last delivery attempt: reached (1) or not (0); absent before the first.',
      known.flatMap(({ labels, delivery: { lastAttempt } }) =>
        lastAttempt === 'unknown' ? [] : [labelled(labels, lastAttempt === 'up' ? 1 : 0)],
      ),
    ),
    counter(
      'tls_sessions_total',
      'TLS sessions by protocol, cipher and group of the key exchange.',
      known.flatMap(({ labels, delivery }) =>
        Object.entries(delivery.tls.sessions).map(([kind, value]) => {
          const [protocol = '', cipher = '', group = ''] = kind.split(' ')
          return labelled({ ...labels, protocol, cipher, group }, value)
        }),
      ),
    ),
    counter(
      'tls_failures_total',
      'Openings of connections that failed, by result type (RFC 8460 section 4.3).',
      known.flatMap(({ labels, delivery }) =>
        Object.entries(delivery.tls.results).map(([result, value]) =>
          labelled({ ...labels, result }, value),
        ),
      ),
    ),
    gauge(
      'certificate_end_timestamp_seconds',
      "The earliest end of the intake hosts' certificates, since 1970.",
      known.flatMap(({ labels, delivery: { tls } }) =>
        tls.certificateEnd === null ? [] : [labelled(labels, tls.certificateEnd / 1000)],
      ),
    ),
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

export interface Sample {
  readonly labels: Labels
  readonly value: number
  /** With the suffix of a histogram's part. */
  readonly metricName?: string
}

/** One metric as prom-client's own `getMetricsAsJSON` has it. */
interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly aggregator: 'sum'
  readonly values: readonly Sample[]
}

/** Prometheus's text of them. */
function textOf(metrics: readonly Metric[]): Promise<string> {
  return AggregatorRegistry.aggregate([metrics]).metrics()
}

function metric(
  type: Metric['type'],
  name: string,
  help: string,
  values: readonly Sample[],
): Metric {
  return { name: `haraka_tdc_${name}`, help, type, aggregator: 'sum', values }
}

export function counter(name: string, help: string, values: readonly Sample[]): Metric {
  return metric('counter', name, help, values)
}

export function gauge(name: string, help: string, values: readonly Sample[]): Metric {
  return metric('gauge', name, help, values)
}

/** Limits in milliseconds become seconds; the counts become cumulative, as Prometheus has them. */
export function histogram(
  name: string,
  help: string,
  limits: readonly number[],
  { counts, sumMs, count }: HistogramValue,
): Metric {
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
  return metric('histogram', name, help, [
    ...buckets,
    part('bucket', { le: '+Inf' }, count),
    part('sum', {}, sumMs / 1000),
    part('count', {}, count),
  ])
}

export function only(value: number): Sample {
  return { labels: {}, value }
}

function labelled(labels: Readonly<Record<string, string | number>>, value: number): Sample {
  return {
    labels: Object.fromEntries(Object.entries(labels).map(([name, text]) => [name, String(text)])),
    value,
  }
}
