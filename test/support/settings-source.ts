import assert from 'node:assert/strict'
import { iniText } from '../../plugins/tdc/haraka/ini-text'
import { readSettings } from '../../plugins/tdc/settings/read'
import type { Settings } from '../../plugins/tdc/settings/settings'
import type { RawSection, SettingsSource } from '../../plugins/tdc/settings/source'

interface IniReader {
  parseIni(name: string, options: object, data: string): Record<string, RawSection>
}

// eslint-disable-next-line @typescript-eslint/no-require-imports
const ini = require('haraka-config/lib/readers/ini') as IniReader

/** What the plugin would gather for a tdc.ini of this text: Haraka's own parser reads it. */
export function sourceOf(text: string, over: Partial<SettingsSource> = {}): SettingsSource {
  return {
    ini: ini.parseIni('tdc.ini', {}, text),
    text,
    ...iniText(text),
    hostname: 'mx1',
    me: 'mail.example.org',
    domains: { received: ['example.org', 'Example.NET'], patterns: [], relayed: [] },
    readList: () => ({ kind: 'unreadable', why: 'ENOENT' }),
    readFile: () => ({ kind: 'unreadable', why: 'ENOENT' }),
    environment: () => undefined,
    ...over,
  }
}

export function settingsOf(text: string, over?: Partial<SettingsSource>): Settings {
  return readOf(text, over).settings
}

export function warningsOf(text: string, over?: Partial<SettingsSource>): readonly string[] {
  return readOf(text, over).warnings
}

function readOf(text: string, over?: Partial<SettingsSource>) {
  const read = readSettings(sourceOf(text, over))
  assert.equal(read.kind, 'settings', read.kind === 'refused' ? read.problems.join('\n') : '')
  assert(read.kind === 'settings')
  return read
}

/** Every sentence that refuses this text; none when it is accepted. */
export function problemsOf(text: string, over?: Partial<SettingsSource>): readonly string[] {
  const read = readSettings(sourceOf(text, over))
  return read.kind === 'refused' ? read.problems : []
}
