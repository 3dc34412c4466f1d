import { hostname } from 'node:os'
import { readSettings } from '../settings/read'
import type { ReadResult } from '../settings/settings'
import { settingsSource } from './settings-files'

/** The settings in a server directory, read as the plugin would, without a Haraka around it. */
export async function readStandalone(
  directory: string,
): Promise<{ readonly result: ReadResult; readonly me: string }> {
  // haraka-config asks for it once, when it is loaded.
  process.env['HARAKA'] = directory
  const { default: root } = await import('haraka-config')
  const config = root.module_config(directory)
  const source = settingsSource({ config }, () => {})
  return { result: readSettings(source), me: source.me || hostname() }
}
