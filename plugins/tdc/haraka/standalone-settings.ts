import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import type { SettingsSource } from '../settings/source'
import { sharedSettingsIn } from './queue-directory'
import { settingsSource } from './settings-files'

export interface Standalone {
  readonly source: SettingsSource
  readonly me: string
  /** The queue directory. */
  readonly queue: string
  /** Where a running server keeps what it shares with others. */
  readonly sharedSettingsPath: string
  /** smtp.ini without its sections. */
  readonly smtp: Readonly<Record<string, unknown>>
}

/** What the settings of a server directory are made of, as the plugin finds it, without a Haraka. */
export async function readStandalone(directory: string): Promise<Standalone> {
  // haraka-config asks for it once, when it is loaded.
  process.env['HARAKA'] = directory
  const { default: root } = await import('haraka-config')
  const config = root.module_config(directory)
  const source = settingsSource({ config }, () => {})
  // As Haraka finds it (outbound/queue.js).
  const queue = resolve(config.get('queue_dir', 'value') || join(directory, 'queue'))
  const { main = {} } = config.get('smtp.ini', 'ini') as { main?: Record<string, unknown> }
  return {
    source,
    me: source.me || hostname(),
    queue,
    sharedSettingsPath: sharedSettingsIn(queue),
    smtp: main,
  }
}
