import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { SettingsSource } from '../settings/source'
import type { HarakaPlugin } from './types'

/** A section heading, as haraka-config's own parser reads it. */
const HEADING = /^\s*\[([^\]]*)\]\s*$/gm

/** The server's config folder. */
export function configFolder(): string {
  return join(process.env['HARAKA'] ?? '.', 'config')
}

/**
 * Gathers what the settings are made of, and has Haraka watch every file that was read: `changed` is
 * called when one of them changes.
 */
export function settingsSource(plugin: HarakaPlugin, changed: () => void): SettingsSource {
  const { config } = plugin
  return {
    ini: config.get('tdc.ini', 'ini', changed),
    headings: headings(),
    hostname: hostname(),
    me: config.get('me', 'value') ?? '',
    localDomains: hostList(),
    readList(name) {
      const path = isAbsolute(name) ? name : join(configFolder(), name)
      const why = unreadable(path)
      // haraka-config gives an empty list for a file that is not there.
      if (why) return { kind: 'unreadable', why }
      return { kind: 'lines', lines: config.get(name, 'list', changed) }
    },
    readFile(path) {
      const full = isAbsolute(path) ? path : join(configFolder(), path)
      try {
        return { kind: 'text', text: readFileSync(full, 'utf8') }
      } catch (error) {
        return { kind: 'unreadable', why: codeText(error) }
      }
    },
  }
}

/** haraka-config merges two sections of one name without a word, so they are counted in the file. */
function headings(): string[] {
  const path = join(configFolder(), 'tdc.ini')
  if (!existsSync(path)) return []
  return [...readFileSync(path, 'utf8').matchAll(HEADING)].map(([, name]) => (name ?? '').trim())
}

/**
 * config/host_list, read past haraka-config: that keeps one reload callback per file, and a second
 * reader takes it away from rcpt_to.in_host_list.
 */
function hostList(): string[] {
  const path = join(configFolder(), 'host_list')
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith(';'))
}

function unreadable(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK)
    return undefined
  } catch (error) {
    return codeText(error)
  }
}

function codeText(error: unknown): string {
  return String((error as { code?: unknown }).code ?? error)
}
