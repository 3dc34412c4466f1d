import type { Sent } from './traffic'

export interface Delays {
  readonly mails: number
  readonly median: number
  readonly p95: number
  readonly slowest: number
}

/** From the final dot to the reply, in milliseconds. */
export function delaysOf(sent: readonly Sent[]): Delays {
  const sorted = sent
    .filter(({ told }) => told === 'accepted')
    .map(({ took }) => took)
    .sort((a, b) => a - b)
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0
  return { mails: sorted.length, median: at(0.5), p95: at(0.95), slowest: at(1) }
}

export function delaysText({ mails, median, p95, slowest }: Delays): string {
  const ms = (value: number) => `${value.toFixed(1)} ms`
  return `${mails} mails, median ${ms(median)}, p95 ${ms(p95)}, slowest ${ms(slowest)}`
}

/** Spans of time, on the monotonic clock. */
export class Spans {
  private readonly spans: { from: number; to: number }[] = []

  begin(): void {
    this.spans.push({ from: performance.now(), to: Infinity })
  }

  end(): void {
    const last = this.spans.at(-1)
    if (last) last.to = performance.now()
  }

  has = ({ at }: Sent): boolean => this.spans.some(({ from, to }) => at >= from && at < to)
}
