import type { HarakaPlugin } from './types'

/** A client of node-redis, as far as it is used; the same in all its versions since 4. */
interface RedisClient {
  sendCommand(words: readonly (string | Buffer)[], options?: object): Promise<unknown>
  /** Ends the connection at once. */
  destroy?(): void
  disconnect?(): Promise<void>
  unref?(): void
}

interface RedisOptions {
  readonly socket?: object
}

/** What haraka-plugin-redis puts on a plugin that inherits from it. */
interface RedisPlugin extends HarakaPlugin {
  readonly redisCfg: { readonly server: RedisOptions }
  get_redis_client(options: object): Promise<RedisClient>
}

export interface RedisConnection {
  send(words: readonly string[]): Promise<unknown>
  /** The same, and texts in the reply are octets. */
  sendOctets(words: readonly (string | Buffer)[]): Promise<unknown>
  close(): void
}

/** Milliseconds until the TCP connection stands. */
const CONNECT_TIME = 2_000
/** Milliseconds without an octet after which the socket ends: somebody asks twice a second. */
const SILENCE = 10_000
/** Commands that may wait for their reply. */
const MOST_WAITING = 10_000

/** `$` of its protocol, bulk strings; node-redis 4 knows the second name only. */
const OCTETS = { typeMapping: { ['$'.charCodeAt(0)]: Buffer }, returnBuffers: true }

/**
 * Connections to the Redis of Haraka's redis.ini, made by haraka-plugin-redis as for Haraka's other
 * plugins, but each for itself: no attempt follows by itself, and nothing is queued while there is no
 * connection. Its own lines are not written: every attempt would have one.
 */
export function redisConnections(plugin: HarakaPlugin): () => Promise<RedisConnection> {
  return async () => {
    const redis = heirOf(plugin)
    const { server } = redis.redisCfg
    const client = await redis.get_redis_client({
      ...server,
      disableOfflineQueue: true,
      commandsQueueMaxLength: MOST_WAITING,
      socket: {
        ...server.socket,
        reconnectStrategy: false,
        connectTimeout: CONNECT_TIME,
        socketTimeout: SILENCE,
      },
    })
    client.unref?.()
    return {
      send: (words) => client.sendCommand(words),
      sendOctets: (words) => client.sendCommand(words, OCTETS),
      close: () => end(client),
    }
  }
}

/** haraka-config tells one reader alone that redis.ini was changed: so there is one. */
const heirs = new WeakMap<HarakaPlugin, RedisPlugin>()

/** On an object of its own, so that nothing of ours is overwritten. */
function heirOf(plugin: HarakaPlugin): RedisPlugin {
  const known = heirs.get(plugin)
  if (known) return known
  const quiet = { logerror: () => {}, loginfo: () => {} }
  const heir = Object.assign(Object.create(plugin) as RedisPlugin, quiet)
  heir.inherits('haraka-plugin-redis')
  heirs.set(plugin, heir)
  return heir
}

function end(client: RedisClient): void {
  try {
    if (client.destroy) client.destroy()
    else client.disconnect?.().catch(() => {})
  } catch {
    // It has ended already.
  }
}
