import type { PoolStatus } from '../monitor/status'
import type { Pool } from './pool'

/** The pools of this process, one per intake domain, made when they are first needed. */
export class Pools {
  private readonly pools = new Map<string, Pool>()
  private readonly make: (domain: string, onEmpty: () => void) => Pool

  constructor(make: (domain: string, onEmpty: () => void) => Pool) {
    this.make = make
  }

  of(domain: string): Pool {
    let pool = this.pools.get(domain)
    if (!pool) {
      pool = this.make(domain, () => this.pools.delete(domain))
      this.pools.set(domain, pool)
    }
    return pool
  }

  status(): Map<string, PoolStatus> {
    return new Map(
      [...this.pools].map(([domain, pool]) => [
        domain,
        { ...pool.stats, lastAttempt: pool.lastAttempt },
      ]),
    )
  }

  /** Finishes what is here, then closes. */
  async close(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.close()))
  }

  destroy(): void {
    for (const pool of this.pools.values()) pool.destroy()
  }
}
