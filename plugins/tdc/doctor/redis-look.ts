import { bounded, LIMITS } from '../base/text'
import { type Clock, inTime } from '../clock'
import type { Diagnosis } from './finding'

/** Milliseconds for a connection, and for each answer. */
const PATIENCE = 3_000

/** A connection to Redis, as far as it is asked here. */
interface Asked {
  send(words: readonly string[]): Promise<unknown>
  close(): void
}

/** What is wrong with the Redis of config/redis.ini; `holdsCopies`: the queue is there (`[queue] store=redis`). */
export async function diagnoseRedis(
  connect: () => Promise<Asked>,
  holdsCopies: boolean,
  clock: Clock,
): Promise<Diagnosis[]> {
  try {
    const redis = await inTime(clock, connect(), PATIENCE)
    try {
      await inTime(clock, redis.send(['PING']), PATIENCE)
      if (!holdsCopies) return []
      return ofEviction(String(await inTime(clock, redis.send(['INFO', 'memory']), PATIENCE)))
    } finally {
      redis.close()
    }
  } catch (error) {
    const why = bounded(error instanceof Error ? error.message : String(error), LIMITS.sentence)
    const text = `the Redis of config/redis.ini: ${why}`
    const mend = 'until it answers, this machine goes by what it had last, and keeps its own copies'
    return [{ grave: false, text, mend }]
  }
}

/** What is thrown away to make room may be a copy, or that others have taken one over. */
function ofEviction(info: string): Diagnosis[] {
  const [, policy = ''] = /^maxmemory_policy:([\w-]+)/m.exec(info) ?? []
  if (policy === '' || policy === 'noeviction') return []
  const text = `maxmemory-policy of the Redis of config/redis.ini is ${policy}: it throws copies away when it is full`
  return [{ grave: false, text, mend: 'redis-cli CONFIG SET maxmemory-policy noeviction' }]
}
