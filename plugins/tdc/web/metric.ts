import { AggregatorRegistry, Registry } from 'prom-client'
import { type HistogramValue } from '../monitor/status'

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
  /** With the suffix of a histogram's part. */
  readonly metricName?: string
}

/** One metric as prom-client's own `getMetricsAsJSON` has it. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly aggregator: 'sum'
  readonly values: readonly Sample[]
}

/** Prometheus's text of them. */
export function textOf(metrics: readonly Metric[]): Promise<string> {
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
  { counts, sum, count }: HistogramValue,
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
    part('sum', {}, sum / 1000),
    part('count', {}, count),
  ])
}

export function only(value: number): Sample {
  return { labels: {}, value }
}

export function labelled(labels: Readonly<Record<string, string | number>>, value: number): Sample {
  return {
    labels: Object.fromEntries(Object.entries(labels).map(([name, text]) => [name, String(text)])),
    value,
  }
}
