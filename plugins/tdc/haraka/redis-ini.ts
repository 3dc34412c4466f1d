import { yesNo } from '../settings/kinds'
import { readConfig } from './settings-files'

/** A section of redis.ini as haraka-plugin-redis gives it on: what node-redis knows, with `socket`, and what not. */
export type RedisOptions = Readonly<Record<string, unknown>> & {
  readonly socket?: Readonly<Record<string, unknown>>
}

/** A server by its address. */
export interface RedisHost {
  readonly host: string
  readonly port: number
}

/** Where redis.ini leads, and how. */
export interface RedisAddress {
  readonly server: RedisOptions
  /** These say where the primary is. */
  readonly sentinels:
    | {
        readonly hosts: readonly RedisHost[]
        readonly master: string
        readonly options: RedisOptions
      }
    | undefined
}

/** Where Sentinels listen unless they are told otherwise. */
const SENTINEL_PORT = 26379
/** They are asked all at once. */
const MOST_SENTINELS = 32
const USER = ['username', 'password']
/** What TLS takes a file for, in PEM. */
const TLS_FILES = ['ca', 'cert', 'key'] as const

/** Throws with a sentence about what cannot be meant. `section`: `[sentinel]`. */
export function redisAddress(
  server: RedisOptions,
  section: Readonly<Record<string, unknown>> = {},
): RedisAddress {
  const tls = tlsOf(server)
  const socket: Record<string, unknown> = { ...server.socket, ...tls }
  const own = { ...server, ...textsIn(server, USER), socket }
  const [hosts, master] = [textIn(section, 'hosts'), textIn(section, 'master')]
  if (hosts === '' && master === '') return { server: own, sentinels: undefined }
  if (hosts === '' || master === '') {
    throw new Error('redis.ini: [sentinel] needs both hosts= and master=')
  }
  // A socket in the file system would go before the primary's address.
  delete socket['path']
  const options = { ...textsIn(section, USER), socket: tls }
  return { server: own, sentinels: { hosts: hostsIn(hosts), master, options } }
}

/** One Redis, as far as redis.ini tells, whoever comes there, and which of its Sentinels are named. */
export function isSameRedis(one: RedisAddress, other: RedisAddress): boolean {
  const [database, otherDatabase] = [one, other].map(({ server }) =>
    Number(server['database'] ?? 0),
  )
  if (database !== otherDatabase) return false
  if (!one.sentinels || !other.sentinels) {
    const place = ({ server: { socket = {} } }: RedisAddress) =>
      JSON.stringify([socket['host'], socket['port'], socket['path']].map(String))
    return one.sentinels === other.sentinels && place(one) === place(other)
  }
  const known = new Set(one.sentinels.hosts.map(hostText))
  const { hosts, master } = other.sentinels
  return master === one.sentinels.master && hosts.some((host) => known.has(hostText(host)))
}

export function hostText({ host, port }: RedisHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** With the files of its TLS, as they are now. Throws with a sentence about one that cannot be read. */
export function withTlsFiles(options: RedisOptions): RedisOptions {
  const socket: Record<string, unknown> = { ...options.socket }
  for (const key of TLS_FILES) {
    const file = textIn(socket, key)
    if (file === '') continue
    const found = readConfig(file)
    if (found.kind !== 'text') {
      throw new Error(`redis.ini: ${key}=${file} cannot be read: ${found.why}`)
    }
    socket[key] = found.text
  }
  return { ...options, socket }
}

/**
 * The options of the TLS that is meant. haraka-config gives `true` as a text, for which node-redis speaks plain text
 * (client/socket.ts, 4 to 6); and haraka-plugin-redis passes no file on.
 */
function tlsOf(server: RedisOptions): Readonly<Record<string, unknown>> {
  const word = textIn({ ...server, ...server.socket }, 'tls')
  const isOn = word === '' ? { value: false } : yesNo.read([word])
  if (!isOn) throw new Error(`redis.ini: tls=${word} must be true or false`)
  if (!isOn.value) return { tls: false }
  return { tls: true, ...textsIn(server, ['servername', ...TLS_FILES]) }
}

function textsIn(
  section: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): Readonly<Record<string, string>> {
  const found = keys.map((key) => [key, textIn(section, key)] as const)
  return Object.fromEntries(found.filter(([, text]) => text !== ''))
}

function hostsIn(text: string): RedisHost[] {
  const all = text.split(/[\s,]+/).filter(Boolean)
  if (all.length > MOST_SENTINELS) {
    throw new Error(`redis.ini: [sentinel] hosts= has ${all.length}; at most ${MOST_SENTINELS}`)
  }
  return all.map((each) => {
    const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(each) ?? []
    const host = v6 ?? name
    const number = Number(port ?? SENTINEL_PORT)
    if (host === undefined || number < 1 || number > 65_535) {
      throw new Error(`redis.ini: [sentinel] hosts= has ${each}, which is no host or host:port`)
    }
    return { host, port: number }
  })
}

/** haraka-config makes a number of what looks like one. */
function textIn(section: Readonly<Record<string, unknown>>, key: string): string {
  const value = section[key]
  const isText = typeof value === 'string' || typeof value === 'number' || value === true
  return isText ? String(value) : ''
}
