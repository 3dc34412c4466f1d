import assert from 'node:assert/strict'
import { SECTIONS } from '../../plugins/tdc/settings/keys'
import { readSettings } from '../../plugins/tdc/settings/read'
import type { RawSection, SettingsSource } from '../../plugins/tdc/settings/source'
import { sourceOf } from './settings-source'

const PIECES = [
  ...['a@b.example', '<a@b>', '@', '@.', '<>', ' ', ',', '=', ':', '25', '-1', '1e9', 'true'],
  ...['off', 'empty', 'custom', 'default', 'listed', 'bücher.example', '[::1]:25', 'mx1'],
  ...['\u0000', '\r\n', '\u0007', '\u0085', '\u2028', '\u202e', '\ud800', '\u{1f600}', '"', '\\'],
  ...['__proto__', 'constructor', 'x'.repeat(300), 'DEFAULT', '.', '..', '%41', '/', '*', '<', '>'],
]

/** A tdc.ini that may have anything in it, from numbers below a limit. */
export function randomSettings(random: (below: number) => number): SettingsSource {
  const pick = <T>(all: readonly T[]) => all[random(all.length)] as T
  const text = () => Array.from({ length: random(4) }, () => pick(PIECES)).join('')
  const value = (): unknown => {
    const kind = random(10)
    if (kind === 0) return undefined
    if (kind === 1) return random(200) - 20
    if (kind === 2) return random(2) === 0
    if (kind === 3) return Array.from({ length: random(4) }, value)
    if (kind === 4) return pick([null, Object.create(null), {}, Symbol('x'), 1n, NaN, () => 1])
    return text()
  }
  const sectionName = () => {
    const known = pick(Object.keys(SECTIONS))
    return random(4) === 0 ? text() : known.replace(/NAME|HOSTNAME/, () => text() || 'mx1')
  }
  const keyNames = Object.values(SECTIONS).flatMap((keys) => Object.keys(keys))
  const entries = Array.from({ length: random(6) }, (): [string, RawSection] => [
    sectionName(),
    Object.fromEntries(
      Array.from({ length: random(6) }, () => [random(5) ? pick(keyNames) : text(), value()]),
    ),
  ])
  const lines = Array.from({ length: random(4) }, text)
  return {
    ...sourceOf(''),
    ini: Object.fromEntries(entries),
    headings: [...entries.map(([name]) => name), ...Array.from({ length: random(2) }, text)],
    hostname: pick(['mx1', '', text()]),
    me: pick(['mx1.example.org', '', text()]),
    domains: { received: lines, patterns: [], relayed: lines },
    readList: () => (random(2) ? { kind: 'lines', lines } : { kind: 'unreadable', why: text() }),
    readFile: () => ({ kind: 'text', text: `-----BEGIN CERTIFICATE-----${text()}` }),
  }
}

/** Settings, or clean sentences that say what is wrong; anything else is an AssertionError. */
export function checkSettings(source: SettingsSource): 'settings' | 'refused' {
  const read = readSettings(source)
  const sentences = read.kind === 'settings' ? read.warnings : read.problems
  if (read.kind === 'refused') assert(sentences.length > 0)
  for (const sentence of sentences) {
    assert.match(sentence, /^tdc\.ini \[[^\n]*: [^\n]+$/)
    assert.doesNotMatch(sentence, /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]|\p{Cs}/u)
    assert(sentence.length < 1_000, `${sentence.length} characters`)
  }
  if (read.kind === 'settings') read.settings.policies.match('a@b.example', 'c@d.example')
  return read.kind
}
