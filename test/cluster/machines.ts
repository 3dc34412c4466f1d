import { ANY } from '../../plugins/tdc/base/sought'
import { join } from 'node:path'
import type { ClusterView, FoundInCluster } from '../../plugins/tdc/cluster/cluster-view'
import type { SharedHistory } from '../../plugins/tdc/cluster/shared-cluster'
import type { ChangeAnswer } from '../../plugins/tdc/cluster/shared-settings'
import type { Answer } from '../../plugins/tdc/base/answer'
import type { Request } from '../../plugins/tdc/control/requests'
import type { Status } from '../../plugins/tdc/monitor/status'
import { askAll } from '../support/ask'
import type { HarakaServer } from '../support/haraka'
import { MailPath } from '../support/mail-path'
import type { RedisServer } from './redis-server'

/** One of the servers behind one MX name. */
export class Machine {
  constructor(
    readonly name: string,
    readonly server: HarakaServer,
  ) {}

  async ask<T>(request: Request): Promise<T> {
    const [answer] = (await askAll(join(this.server.dir, 'tdc.sock'), request)) as [Answer]
    if (answer.kind === 'no') throw new Error(`${this.name}: ${answer.why}`)
    return answer.value as T
  }

  /** `on, cluster (shared settings)`. */
  async effective(): Promise<string> {
    const { enabled, level } = await this.ask<Status>({ ask: 'status' })
    return `${enabled ? 'on' : 'off'}, ${level}`
  }

  history(): Promise<SharedHistory> {
    return this.ask({ ask: 'shared-history' })
  }

  view(): Promise<ClusterView> {
    return this.ask({ ask: 'cluster-status' })
  }

  find(wanted: string): Promise<FoundInCluster> {
    return this.ask({ ask: 'cluster-track', wanted, ...ANY, sort: '', most: 20 })
  }

  set(level: string, ...values: readonly string[]): Promise<ChangeAnswer> {
    return this.ask({ ask: 'shared-set', level, policy: '', values, user: 'test', spreads: true })
  }

  unset(level: string, ...values: readonly string[]): Promise<unknown> {
    return this.ask({ ask: 'shared-unset', level, policy: '', values, user: 'test', spreads: true })
  }
}

/** Three servers, the second with two worker processes; by their own files all are off. */
export async function startMachines(
  redis: RedisServer,
): Promise<{ readonly path: MailPath; readonly machines: readonly [Machine, Machine, Machine] }> {
  const options = (name: string) => ({
    enabled: false,
    sections: ['[cluster]', 'redis=true', `machine=${name}`],
    config: { 'redis.ini': redis.ini },
  })
  const path = await MailPath.start(options('mx1'))
  const [second, third] = await Promise.all([
    path.makeGateway({ ...options('mx2'), nodes: 2 }),
    path.makeGateway(options('mx3')),
  ])
  await Promise.all([second.start(), third.start()])
  const machines = [
    new Machine('mx1', path.haraka),
    new Machine('mx2', second),
    new Machine('mx3', third),
  ] as const
  return { path, machines: [...machines] }
}
