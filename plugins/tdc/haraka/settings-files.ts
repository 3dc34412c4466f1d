import { readFileSync, watchFile } from 'node:fs'
import { hostname } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { untrustedDns } from '../base/dns-servers'
import { errorCode } from '../base/error-code'
import type { SettingsSource, TextFile } from '../settings/source'
import { iniText } from './ini-text'
import { DOMAIN_FILES, mailDomains } from './mail-domains'
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
    text: own.kind === 'text' ? own.text : '',
    ...iniText(own.kind === 'text' ? own.text : ''),
    hostname: hostname(),
    me: config.get('me', 'value') ?? '',
    domains: mailDomains(textOf),
    untrustedDns: untrustedDns(),
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
export function readConfig(name: string): TextFile {
  const path = isAbsolute(name) ? name : join(configFolder(), name)
  try {
    return { kind: 'text', text: readFileSync(path, 'utf8') }
  } catch (error) {
    return { kind: 'unreadable', why: errorCode(error) ?? String(error) }
  }
}

function textOf(name: string): string {
  const found = readConfig(name)
  return found.kind === 'text' ? found.text : ''
}

/** Milliseconds between two looks at a file, as long as haraka-config waits after a change. */
const LOOK_EVERY = 5_000

/**
 * Calls `changed` when one of the files about domains is another. They are read and watched past
 * haraka-config: it keeps one reload callback per file, and a second reader takes it away from the
 * plugin that needs it. Looked at by name, so that it does not matter how an editor replaces them.
 */
export function watchDomainFiles(changed: () => void): void {
  watchFiles(DOMAIN_FILES, changed)
}

/** Of config/. */
export function watchFiles(names: readonly string[], changed: () => void): void {
  for (const name of names) {
    const options = { interval: LOOK_EVERY, persistent: false }
    watchFile(join(configFolder(), name), options, (now, before) => {
      // A file that is not there has one call too.
      if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) changed()
    })
  }
}
