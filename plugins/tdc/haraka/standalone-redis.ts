import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type RedisConnection, redisConnections } from './redis-connection'
import type { HarakaConfig, HarakaPlugin } from './types'

const PLUGIN = 'haraka-plugin-redis'

/** Connections to Redis as a server in `directory` makes them, without a Haraka. Rejects where none can be made. */
export function standaloneRedis(
  directory: string,
  config: HarakaConfig,
): () => Promise<RedisConnection> {
  const plugin = {
    name: 'tdc',
    // Its changes are not waited for.
    config: { get: (name: string) => config.get(name, 'ini') },
    inherits(this: Record<string, unknown>) {
      const parent = loaded(directory)
      Object.assign(this, parent, { name: 'tdc' })
      if (typeof parent.register === 'function') (parent.register as () => void).call(this)
    },
  }
  return async () => redisConnections(plugin as unknown as HarakaPlugin).connect()
}

/** Beside this program, in the server directory, or in a Haraka that is installed for all. */
function loaded(directory: string): Record<string, unknown> {
  const forAll = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'haraka')
  for (const place of [directory, __dirname, forAll]) {
    try {
      return createRequire(join(place, 'package.json'))(PLUGIN) as Record<string, unknown>
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  throw new Error(`${PLUGIN} was not found from ${directory}, so it was not tried`)
}
