import {
  hostText,
  redisAddress,
  type RedisAddress,
  type RedisHost,
  type RedisOptions,
  withTlsFiles,
} from './redis-ini'
import { agreedPrimary } from './redis-sentinel'
import type { HarakaPlugin } from './types'

/** A client of node-redis, as far as it is used; the same in all its versions since 4. */
interface RedisClient {
  sendCommand(words: readonly (string | Buffer)[], options?: object): Promise<unknown>
  /** Ends the connection at once. */
  destroy?(): void
  disconnect?(): Promise<void>
  unref?(): void
  /** Its answer to INFO. */
  readonly server_info?: unknown
}

/** What haraka-plugin-redis puts on a plugin that inherits from it. */
interface RedisPlugin extends HarakaPlugin {
  readonly redisCfg: { readonly server: RedisOptions }
  get_redis_client(options: object): Promise<RedisClient>
  /** The section of redis.ini that it passes over. */
  sentinel?: Readonly<Record<string, unknown>> | undefined
}

export interface RedisConnection {
  send(words: readonly string[]): Promise<unknown>
  /** The same, and texts in the reply are octets. */
  sendOctets(words: readonly (string | Buffer)[]): Promise<unknown>
  close(): void
}

export interface RedisConnections {
  /** Rejects with a sentence. `to`: default where redis.ini leads. */
  connect(to?: RedisAddress): Promise<RedisConnection>
  /** Where redis.ini leads; undefined: nowhere. */
  address(): RedisAddress | undefined
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
export function redisConnections(plugin: HarakaPlugin): RedisConnections {
  const connect = async (to?: RedisAddress): Promise<RedisConnection> => {
    const redis = heirOf(plugin)
    const { server, sentinels } = to ?? addressOf(redis)
    const client = sentinels
      ? await toPrimary(redis, server, await primaryBySentinel(redis, sentinels))
      : await connected(redis, server)
    client.unref?.()
    return {
      send: (words) => client.sendCommand(words),
      sendOctets: (words) => client.sendCommand(words, OCTETS),
      close: () => end(client),
    }
  }
  const address = () => {
    try {
      return addressOf(heirOf(plugin))
    } catch {
      return undefined
    }
  }
  return { connect, address }
}

function addressOf({ redisCfg, sentinel }: RedisPlugin): RedisAddress {
  return redisAddress(redisCfg.server, sentinel)
}

async function connected(redis: RedisPlugin, named: RedisOptions): Promise<RedisClient> {
  const options = withTlsFiles(named)
  return redis.get_redis_client({
    ...options,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MOST_WAITING,
    socket: {
      ...options.socket,
      reconnectStrategy: false,
      connectTimeout: CONNECT_TIME,
      socketTimeout: SILENCE,
    },
  })
}

/** Each by a connection of its own, which ends with the answer. */
function primaryBySentinel(
  redis: RedisPlugin,
  { hosts, master, options }: NonNullable<RedisAddress['sentinels']>,
): Promise<RedisHost> {
  const ask = async (host: RedisHost): Promise<RedisHost> => {
    const client = await connected(redis, { ...options, socket: { ...options.socket, ...host } })
    try {
      const answer = await client.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', master])
      const [address, port] = Array.isArray(answer) ? answer.map(String) : []
      if (address === undefined) throw new Error(`Sentinel ${hostText(host)} knows no ${master}`)
      return { host: address, port: Number(port) }
    } finally {
      end(client)
    }
  }
  return agreedPrimary(hosts.map(ask))
}

/** What Sentinel names may be a replica already, or not yet the primary: its INFO says. */
async function toPrimary(
  redis: RedisPlugin,
  server: RedisOptions,
  primary: RedisHost,
): Promise<RedisClient> {
  const client = await connected(redis, { ...server, socket: { ...server.socket, ...primary } })
  if (!/^role:slave/m.test(String(client.server_info))) return client
  end(client)
  throw new Error(`${hostText(primary)}, which Sentinel takes for the primary, is a replica`)
}

/** haraka-config tells one reader alone that redis.ini was changed: so there is one. */
const heirs = new WeakMap<HarakaPlugin, RedisPlugin>()

/** On an object of its own, so that nothing of ours is overwritten. */
function heirOf(plugin: HarakaPlugin): RedisPlugin {
  const known = heirs.get(plugin)
  if (known) return known
  const get = (...words: Parameters<HarakaPlugin['config']['get']>) => {
    const read = plugin.config.get(...words)
    heir.sentinel = (read as { sentinel?: RedisPlugin['sentinel'] } | null)?.sentinel
    return read
  }
  const own = { logerror: () => {}, loginfo: () => {}, config: { get } }
  const heir = Object.assign(Object.create(plugin) as RedisPlugin, own)
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
