import { setTimeout as sleep } from 'node:timers/promises'
import { within } from '../support/within'
import { RedisServer } from './redis-server'

const MASTER = 'mymaster'
/** For its replica. */
const SOON = ['--repl-diskless-sync-delay', '0']
/** Milliseconds: sooner than anybody would have it. */
const [DOWN_AFTER, FAILOVER_TIME] = [1_000, 5_000]
/** Milliseconds between two looks of a Sentinel, for the same reason. */
const HASTE = ['INFO-PERIOD', '500', 'PUBLISH-PERIOD', '300', 'PING-PERIOD', '300']
/** Milliseconds for a failover, and until all is whole again. */
const PATIENCE = 30_000

/** A primary, its replicas, and three real Sentinels, which promote one of them. */
export class WatchedRedis {
  private constructor(
    private readonly servers: readonly RedisServer[],
    private readonly sentinels: readonly RedisServer[],
  ) {}

  static async start(replicas = 1): Promise<WatchedRedis> {
    const primary = await RedisServer.start(SOON)
    const others = Array.from({ length: replicas }, () => RedisServer.start(SOON))
    const servers = [primary, ...(await Promise.all(others))]
    for (const each of servers.slice(1)) {
      await each.command('REPLICAOF', '127.0.0.1', String(primary.port))
    }
    const lines = [
      `sentinel monitor ${MASTER} 127.0.0.1 ${primary.port} 2`,
      `sentinel down-after-milliseconds ${MASTER} ${DOWN_AFTER}`,
      `sentinel failover-timeout ${MASTER} ${FAILOVER_TIME}`,
    ]
    const sentinels = await Promise.all([1, 2, 3].map(() => RedisServer.startSentinel(lines)))
    for (const each of sentinels) await each.command('SENTINEL', 'DEBUG', ...HASTE)
    const watched = new WatchedRedis(servers, sentinels)
    await watched.whole()
    return watched
  }

  /** Haraka's redis.ini for it. */
  get ini(): string {
    const { hosts, master } = this.sections.sentinel
    return `[sentinel]\nhosts=${hosts}\nmaster=${master}\n`
  }

  /** The same, as haraka-config has read it. */
  get sections() {
    const hosts = this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(', ')
    return { sentinel: { hosts, master: MASTER } }
  }

  /** As more than one Sentinel has it. */
  async primary(): Promise<RedisServer> {
    const asked = this.sentinels.map((each) =>
      each.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER),
    )
    const ports = (await Promise.all(asked)).map((text) => Number(text.split('\n')[1]))
    const [first, second, third] = ports
    const port = first === second ? first : third
    return this.servers.find((each) => each.port === port) as RedisServer
  }

  /** Kills it with -9; resolves when the other one has its place. */
  async failover(): Promise<void> {
    const before = await this.primary()
    await before.kill9()
    await this.until('a failover', () => this.isReplaced(before))
  }

  /** All of it. */
  async kill9(): Promise<void> {
    await Promise.all(this.servers.map((each) => each.kill9()))
  }

  /** Makes a replica of it, and of the other one the primary. */
  async demote(): Promise<void> {
    const before = await this.primary()
    const isReplaced = () => this.isReplaced(before)
    // A Sentinel that says OK may still give it up: it is asked again when its time is over.
    await this.until('a failover', async () => {
      await this.sentinels[0]?.command('SENTINEL', 'FAILOVER', MASTER)
      return await holdsWithin(2 * FAILOVER_TIME, isReplaced)
    })
    await this.until('a replica', async () => (await roleOf(before)) === 'slave')
  }

  /** Who was killed is back, a replica, and every Sentinel knows that. */
  async whole(): Promise<void> {
    for (const each of this.servers) if (!each.isUp) await each.start()
    await this.until('a replica in step, and three Sentinels', async () => {
      const primary = await this.primary()
      for (const replica of this.servers.filter((each) => each !== primary)) {
        const link = await replica.command('INFO', 'replication')
        if (!/^role:slave[^]*^master_link_status:up/m.test(link)) return false
      }
      const seen = await Promise.all(this.sentinels.map((each) => each.command('INFO', 'sentinel')))
      const state = `slaves=${this.servers.length - 1},sentinels=3`
      const isSeen = seen.every((text) => /status=ok,/.test(text) && text.includes(state))
      return isSeen && (await roleOf(primary)) === 'master'
    })
  }

  async close(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.servers].map((each) => each.close()))
  }

  private async isReplaced(before: RedisServer): Promise<boolean> {
    const now = await this.primary()
    return now !== before && (await roleOf(now)) === 'master'
  }

  private async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const looking = async () => {
      while (!(await holds())) await sleep(100)
    }
    await within(PATIENCE, what, looking())
  }
}

async function holdsWithin(ms: number, holds: () => Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100))
    if (await holds()) return true
  return false
}

async function roleOf(server: RedisServer): Promise<string | undefined> {
  return /^role:(\w+)/m.exec(await server.command('INFO', 'replication'))?.[1]
}
