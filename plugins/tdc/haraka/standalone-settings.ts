import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import type { SettingsSource } from '../settings/source'
import { sharedSettingsIn } from './queue-directory'
import type { RedisConnection } from './redis-connection'
import { settingsSource } from './settings-files'
import { standaloneRedis } from './standalone-redis'

export interface Standalone {
  readonly source: SettingsSource
  readonly me: string
  /** The queue directory. */
  readonly queue: string
  /** Where a running server keeps what it shares with others. */
  readonly sharedSettingsPath: string
  /** To the Redis of redis.ini. */
  readonly connectRedis: () => Promise<RedisConnection>
  /** smtp.ini without its sections. */
  readonly smtp: Readonly<Record<string, unknown>>
}

/** The path in config/queue_dir. */
export function queueSettingOf(directory: string): string | undefined {
  const path = join(directory, 'config', 'queue_dir')
  // The first line that is none of comment, as haraka-config reads a value.
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  return lines.map((line) => line.trim()).find((line) => line !== '' && !/^[#;]/.test(line))
}

/**
 * The queue directory of any server, as Haraka finds it (outbound/queue.js). It takes a relative one from
 * where it is started, which nobody else knows: most often in its own directory.
 */
export function queuePathOf(directory: string): string {
  const setting = queueSettingOf(directory)
  if (setting === undefined) return join(directory, 'queue')
  const [there, here] = [resolve(directory, setting), resolve(setting)]
  return existsSync(there) || !existsSync(here) ? there : here
}

/** What the settings of a server directory are made of, as the plugin finds it, without a Haraka. */
export async function readStandalone(directory: string): Promise<Standalone> {
  // haraka-config asks for it once, when it is loaded.
  process.env['HARAKA'] = directory
  const { default: root } = await import('haraka-config')
  const config = root.module_config(directory)
  const source = settingsSource({ config }, () => {})
  const queue = queuePathOf(directory)
  const { main = {} } = config.get('smtp.ini', 'ini') as { main?: Record<string, unknown> }
  return {
    source,
    me: source.me || hostname(),
    queue,
    sharedSettingsPath: sharedSettingsIn(queue),
    connectRedis: standaloneRedis(directory, config),
    smtp: main,
  }
}
