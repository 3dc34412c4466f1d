import cluster from 'node:cluster'
import { systemClock } from './clock'
import { ConnectionBudget } from './delivery/connection-budget'
import { makeSessionMaker } from './delivery/connect'
import { dcidSource } from './delivery/dcid'
import { IntakeDnsSource } from './delivery/intake-dns'
import { Pool } from './delivery/pool'
import { Pools } from './delivery/pools'
import { isPublic } from './delivery/public-address'
import { Repeats } from './delivery/repeats'
import type { SessionMaker } from './delivery/session'
import { makeStsFetch } from './delivery/sts-fetch'
import { StsPolicies } from './delivery/sts-policies'
import { makeTxtLookup } from './delivery/txt-lookup'
import { mistakeIn } from './monitor/mistake'
import type { Monitor } from './monitor/monitor'
import type { Settings } from './settings/settings'

export interface DeliveryDeps {
  readonly monitor: Monitor
  readonly settings: () => Settings
  /** This server's name: for EHLO, unless the settings have another one. */
  readonly me: () => string
  /** Connections that this process may have open at a time. */
  readonly connections: () => number
}

/** What delivers the copies of one process, put together once: a pool for each intake domain. */
export class DeliveryParts {
  readonly pools = new Pools((domain, onEmpty) => this.makePool(domain, onEmpty))
  /** Of all pools together. */
  private readonly budget = new ConnectionBudget(
    systemClock,
    () => this.deps.connections(),
    () => this.exhausted.note(undefined),
  )
  private readonly exhausted = new Repeats<void>(systemClock, (_last, count) =>
    this.deps.monitor.report({ kind: 'out-of-descriptors', count, most: this.deps.connections() }),
  )
  private readonly dns = new IntakeDnsSource(systemClock)
  private readonly nextDcid = dcidSource(cluster.worker?.id ?? 0)
  /** They outlive the settings: a reload must not make a policy forgotten. */
  private readonly stsPolicies = new StsPolicies({
    txt: makeTxtLookup(),
    fetch: makeStsFetch(systemClock, (address) => this.mayConnect(address)),
    clock: systemClock,
    reportOf: (domain) => this.deps.monitor.reportOf(domain),
  })

  constructor(private readonly deps: DeliveryDeps) {}

  private makePool(domain: string, onEmpty: () => void): Pool {
    const { monitor, settings } = this.deps
    let [made, open]: [Settings | undefined, SessionMaker | undefined] = [undefined, undefined]
    return new Pool({
      // New connections follow the settings; those that are open stay as they are.
      open: (...heard) => {
        const value = settings()
        if (value !== made || !open) [made, open] = [value, this.sessionMaker(domain, value)]
        return open(...heard)
      },
      clock: systemClock,
      seats: (wake) => this.budget.join(wake),
      options: () => settings().delivery,
      random: Math.random,
      onEmpty,
      onMistake: mistakeIn('the delivery', monitor.report),
    })
  }

  private sessionMaker(domain: string, { delivery }: Settings): SessionMaker {
    return makeSessionMaker({
      ...delivery,
      domain,
      helo: delivery.helo ?? this.deps.me(),
      clock: systemClock,
      report: this.deps.monitor.reportOf(domain),
      ...this.dns.of(delivery.tls),
      stsPolicyOf: this.stsPolicies.of,
      mayConnect: (address) => this.mayConnect(address),
      random: Math.random,
      nextDcid: this.nextDcid,
    })
  }

  private mayConnect(address: string): boolean {
    return this.deps.settings().delivery.allowPrivate || isPublic(address)
  }
}
