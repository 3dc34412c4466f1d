import type { Clock } from '../clock'
import { Backoff } from '../base/backoff'
import type { Host } from './mx'

/**
 * Milliseconds that an address which failed is left alone while others work: a moment for one that
 * was only busy, five minutes for one that is dead. A host of the best preference that is back is
 * used again within that time.
 */
const PAUSES = { first: 1_000, longest: 300_000 }

/** More addresses than the hosts of any domain have; older ones are forgotten. */
const MOST = 100

interface Trouble {
  /** When it failed the last time. */
  readonly at: number
  readonly backoff: Backoff
  /** Somebody is finding out whether it is over. */
  probed: boolean
}

/**
 * The addresses of a domain that failed. A dead one must not slow the openings that others could
 * serve (RFC 5321 section 5.1 wants them tried, and a copy lives for 120 s only), so it is tried
 * behind them until its pause is over, and then by one opening first.
 */
export class AddressBackoff {
  private readonly troubles = new Map<string, Trouble>()

  /** `random` gives 0 to 1, as Math.random does. */
  constructor(
    private readonly clock: Clock,
    private readonly random: () => number,
  ) {}

  /**
   * The one to try first: in their order the first that is not left alone, else the one whose pause
   * ends first, for with nothing else to try the pauses of the pool are enough.
   */
  choose(hosts: readonly Host[]): Host | undefined {
    const now = this.clock.monotonic()
    const ready = hosts.find((host) => isReady(this.troubles.get(keyOf(host)), now))
    return ready ?? [...hosts].sort((a, b) => this.endOf(a) - this.endOf(b))[0]
  }

  /** The last attempt to reach it failed. */
  isFailing(host: Host): boolean {
    return this.troubles.has(keyOf(host))
  }

  /** An attempt begins; it ends with `reached`, `failed` or `givenUp`. */
  begun(host: Host): void {
    const trouble = this.troubles.get(keyOf(host))
    if (trouble) trouble.probed = true
  }

  reached(host: Host): void {
    this.troubles.delete(keyOf(host))
  }

  /** What had begun before the last failure, at `began`, met the same one. */
  failed(host: Host, began = Infinity): void {
    const key = keyOf(host)
    const at = this.clock.monotonic()
    const known = this.troubles.get(key)
    if (known && began < known.at) return
    const { backoff } = known ?? { backoff: new Backoff(this.random, PAUSES) }
    backoff.failed(at)
    this.troubles.delete(key)
    this.troubles.set(key, { at, backoff, probed: false })
    const [oldest] = this.troubles.keys()
    if (this.troubles.size > MOST && oldest !== undefined) this.troubles.delete(oldest)
  }

  /** Nothing was learned. */
  givenUp(host: Host): void {
    const trouble = this.troubles.get(keyOf(host))
    if (trouble) trouble.probed = false
  }

  private endOf(host: Host): number {
    return this.troubles.get(keyOf(host))?.backoff.opensAt ?? 0
  }
}

function isReady(trouble: Trouble | undefined, now: number): boolean {
  return !trouble || (!trouble.probed && trouble.backoff.opensAt <= now)
}

function keyOf({ address, port }: Host): string {
  return `${address} ${port}`
}
