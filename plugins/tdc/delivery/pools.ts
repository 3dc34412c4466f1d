import type { ConnectionStatus, PoolStatus } from '../monitor/status'
import type { Pool } from './pool'

/**
 * Pools that are kept although they are empty: they remember the limit that an intake showed and
 * whether it was up. There are a few intakes; a thousand domains in queue files must not stay.
 */
const KEPT = 100

/** The pools of this process, one per intake domain, made when they are first needed. */
export class Pools {
  private readonly pools = new Map<string, Pool>()

  constructor(private readonly make: (domain: string, onEmpty: () => void) => Pool) {}

  of(domain: string): Pool {
    let pool = this.pools.get(domain)
    if (!pool) {
      pool = this.make(domain, () => this.emptied(domain))
      this.pools.set(domain, pool)
    }
    return pool
  }

  status(): (readonly [domain: string, status: PoolStatus])[] {
    return [...this.pools].map(([domain, pool]) => [domain, pool.status])
  }

  connections(): Omit<ConnectionStatus, 'pid'>[] {
    return [...this.pools].flatMap(([domain, pool]) =>
      pool.connectionList.map((connection) => ({ ...connection, domain })),
    )
  }

  destroy(): void {
    for (const pool of this.pools.values()) pool.destroy()
  }

  private emptied(domain: string): void {
    if (this.pools.size > KEPT) this.pools.delete(domain)
  }
}
