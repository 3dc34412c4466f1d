import type { Clock } from '../clock'
import type { Host } from './mx'

/** How long an address that could not be reached is tried after all others. */
const AVOIDED_FOR = 60_000

/** More addresses than the hosts of any domain have; older ones are forgotten. */
const MOST = 100

/**
 * The addresses that lately failed. A dead host of the best preference must not cost every opening
 * its time-out: RFC 5321 section 5.1 wants the others tried, and a copy lives for 120 s only.
 */
export class BadAddresses {
  private readonly until = new Map<string, number>()

  constructor(private readonly clock: Clock) {}

  /** The same hosts in the same order, those that lately failed behind the others. */
  last(hosts: readonly Host[]): readonly Host[] {
    const now = this.clock.monotonic()
    const isBad = (host: Host) => (this.until.get(keyOf(host)) ?? 0) > now
    return [...hosts.filter((host) => !isBad(host)), ...hosts.filter(isBad)]
  }

  failed(host: Host): void {
    this.until.delete(keyOf(host))
    this.until.set(keyOf(host), this.clock.monotonic() + AVOIDED_FOR)
    const [oldest] = this.until.keys()
    if (this.until.size > MOST && oldest !== undefined) this.until.delete(oldest)
  }

  reached(host: Host): void {
    this.until.delete(keyOf(host))
  }
}

function keyOf({ address, port }: Host): string {
  return `${address} ${port}`
}
