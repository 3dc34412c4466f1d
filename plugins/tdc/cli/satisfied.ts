import type { TlsPolicySource } from '../monitor/events'

const WORDS: Readonly<Record<string, string>> = {
  config: 'chain and name',
  pin: 'pin',
  names: 'names',
  dane: 'DANE',
  sts: 'MTA-STS',
  nothing: 'nothing was asked for',
} satisfies Record<TlsPolicySource | 'nothing', string>

/** What a TLS session had to satisfy, and did; what a server of another version says stays as it is. */
export function satisfiedText(sources: readonly string[]): string {
  return (sources.length > 0 ? sources : ['nothing'])
    .map((source) => WORDS[source] ?? source)
    .join(', ')
}
