import type { Clock } from '../clock'
import type { Report } from '../monitor/events'
import type { ConnectOptions } from './connect'
import { dcidSource } from './dcid'
import { type DnsSettings, IntakeDnsSource } from '../route/intake-dns'
import { isPublic } from '../route/public-address'
import { makeStsFetch } from '../route/sts-fetch'
import { StsPolicies } from '../route/sts-policies'
import { makeTxtLookup } from '../route/txt-lookup'

export interface WayDeps {
  readonly clock: Clock
  readonly reportOf: (domain: string) => Report
  /** MX hosts may have addresses that are not public, by the settings in force. */
  readonly allowsPrivate: () => boolean
  /** This server's name: for EHLO, unless the settings have another one. */
  readonly me: () => string
  /** Of several that count their connections each for itself. */
  readonly worker: number
}

/** [delivery], [timeouts] and [tls], as far as one connection is concerned. */
type Written = Pick<
  ConnectOptions,
  'route' | 'port' | 'localAddress' | 'window' | 'timeouts' | 'tls'
> & { readonly helo: string | undefined; readonly tls: DnsSettings }

/** The ways to the intakes from one process: what is known of DNS and MTA-STS outlives the settings. */
export class IntakeWays {
  private readonly dns: IntakeDnsSource
  private readonly nextDcid: () => number
  private readonly stsPolicies: StsPolicies

  constructor(private readonly deps: WayDeps) {
    const { clock, reportOf, worker } = deps
    this.dns = new IntakeDnsSource(clock)
    this.nextDcid = dcidSource(worker)
    const fetch = makeStsFetch(clock, this.mayConnect)
    this.stsPolicies = new StsPolicies({ txt: makeTxtLookup(), fetch, clock, reportOf })
  }

  to(domain: string, delivery: Written): ConnectOptions {
    const { clock, reportOf, me } = this.deps
    return {
      ...delivery,
      domain,
      helo: delivery.helo ?? me(),
      clock,
      report: reportOf(domain),
      ...this.dns.of(delivery.tls),
      stsPolicyOf: this.stsPolicies.of,
      mayConnect: this.mayConnect,
      random: Math.random,
      nextDcid: this.nextDcid,
    }
  }

  private readonly mayConnect = (address: string): boolean =>
    this.deps.allowsPrivate() || isPublic(address)
}
