import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { errorCode } from '../error-code'
import type { SettingsSource, TextFile } from '../settings/source'
import { iniText } from './ini-text'
import type { HarakaPlugin } from './types'

/** Where `haraka -c` points. */
export function serverDirectory(): string {
  return process.env['HARAKA'] ?? '.'
}

/** The server's config folder. */
export function configFolder(): string {
  return join(serverDirectory(), 'config')
}

/**
 * Gathers what the settings are made of, and has Haraka watch every file that was read: `changed` is
 * called when one of them changes. Never throws: an exception in a reload would end Haraka.
 */
export function settingsSource(
  plugin: Pick<HarakaPlugin, 'config'>,
  changed: () => void,
): SettingsSource {
  const { config } = plugin
  const own = readConfig('tdc.ini')
  const missing = own.kind === 'unreadable' && own.why === MISSING
  return {
    ini: config.get('tdc.ini', 'ini', changed),
    missing,
    unreadable: own.kind === 'unreadable' && !missing ? own.why : undefined,
    ...iniText(own.kind === 'text' ? own.text : ''),
    hostname: hostname(),
    me: config.get('me', 'value') ?? '',
    localDomains: hostList(),
    readList(name) {
      const found = readConfig(name)
      // haraka-config gives an empty list for a file that is not there, or is a folder.
      if (found.kind === 'unreadable') return found
      return { kind: 'lines', lines: config.get(name, 'list', changed) }
    },
    readFile(name) {
      const found = readConfig(name)
      // Only so that it is watched.
      if (found.kind === 'text') config.get(name, 'binary', changed)
      return found
    },
    environment: (name) => process.env[name],
  }
}

const MISSING = 'ENOENT'

/** A file by its name in the config folder, or by its full path. */
function readConfig(name: string): TextFile {
  const path = isAbsolute(name) ? name : join(configFolder(), name)
  try {
    return { kind: 'text', text: readFileSync(path, 'utf8') }
  } catch (error) {
    return { kind: 'unreadable', why: errorCode(error) ?? String(error) }
  }
}

/**
 * config/host_list, read past haraka-config: that keeps one reload callback per file, and a second
 * reader takes it away from rcpt_to.in_host_list.
 */
function hostList(): string[] {
  const found = readConfig('host_list')
  if (found.kind === 'unreadable') return []
  return found.text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith(';'))
}
