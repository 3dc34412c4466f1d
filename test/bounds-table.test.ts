import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AT_A_TIME } from '../plugins/tdc/base/in-turns'
import { LIMITS } from '../plugins/tdc/base/text'
import {
  CHANGES_KEPT,
  LONGEST_DOCUMENT,
  MOST_ENTRIES,
} from '../plugins/tdc/cluster/shared-document'
import { LONGEST_REPORT } from '../plugins/tdc/cluster/machine-report'
import { MAX_REPLY_LINES, MAX_REPLY_OCTETS } from '../plugins/tdc/smtp/reply'
import { TRACK_OCTETS } from '../plugins/tdc/monitor/tracking'
import { FIXED } from '../plugins/tdc/settings/keys'
import { HELD_COPIES, SHARED_IN_MEMORY } from '../plugins/tdc/queue/memory-budget'
import { MOST_WATCHERS } from '../plugins/tdc/web/watchers'
import { repository } from './support/run'

const [KB, MB] = [1024, 1024 * 1024]

/** A number that a file of the connector keeps to itself: `const NAME = 4 * 1024`. */
function own(file: string, name: string): number {
  const source = readFileSync(join(repository, 'plugins', 'tdc', `${file}.ts`), 'utf8')
  const [, factors] =
    new RegExp(`^(?:export )?const ${name} = ([\\d_ *]+)$`, 'm').exec(source) ?? []
  assert.ok(factors, `${file} has no ${name}`)
  return factors
    .replaceAll('_', '')
    .split('*')
    .reduce((product, factor) => product * Number(factor), 1)
}

const shown = (value: number): string => value.toLocaleString('en-US')
const kb = (octets: number): string => `${octets / KB} KB`
const mb = (octets: number): string => `${octets / MB} MB`
/** Section -> key -> what is known of it. */
const KEYS: Readonly<Record<string, Readonly<Record<string, { readonly fallback: unknown }>>>> =
  FIXED
const byDefault = (section: string, key: string): string =>
  shown(Number(KEYS[section]?.[key]?.fallback))

/** Beginning of the row -> what must stand under its limit, made of what the code has. */
const ROWS: Readonly<Record<string, readonly string[]>> = {
  'a value in a line of the log': [`${LIMITS.value} octets`],
  'a header value that goes': [`${shown(LIMITS.header)} octets`],
  'the reply of an intake': [
    `${MAX_REPLY_LINES} lines, ${kb(MAX_REPLY_OCTETS)}`,
    `${LIMITS.reply} octets kept`,
  ],
  'names in a certificate': [`${LIMITS.certificate}; ${shown(LIMITS.sentence)} octets`],
  'a tracked message': [`${shown(TRACK_OCTETS)} octets`],
  'tracked messages': [`${byDefault('monitor', 'track')} a process`],
  'last errors': [
    `${own('monitor/last-errors', 'ERRORS_KEPT')}, ${own('monitor/last-errors', 'OF_ONE_KIND')} of a kind`,
    `${shown(LIMITS.sentence)} octets`,
  ],
  'intakes, intake domains': [
    `${shown(own('monitor/counters', 'MOST_INTAKES'))}; ${shown(own('monitor/counters', 'MOST_INTAKES'))}`,
    `${own('monitor/tls-counters', 'MOST_KINDS')} a domain`,
  ],
  'sentences about settings': [
    `${own('settings/problems', 'SENTENCES_KEPT')} a reading`,
    `values in them ${own('settings/problems', 'SHOWN')}`,
  ],
  'what one turn of the event loop': [
    `${AT_A_TIME} things`,
    `${own('queue/appointments', 'KEPT_AT_ONCE')} copies whose time has come`,
    `${own('delivery/pool', 'TOLD_AT_ONCE')} that failed together`,
    `${own('queue/queue-commands', 'WORKED_AT_ONCE')} that a command concerns`,
  ],
  'waiting copies': [`${byDefault('queue', 'max_copies')} a process`],
  'their contents in memory': [
    `${mb(HELD_COPIES)} a process`,
    `${mb(SHARED_IN_MEMORY)} with a shared queue`,
  ],
  'DNS answers': [
    `${own('route/answer-cache', 'MOST')} of a kind; ${own('route/address-backoff', 'MOST')} a domain`,
    `a policy of ${kb(own('route/sts-fetch', 'LONGEST_POLICY'))}`,
  ],
  'a request to the control socket': [
    kb(own('control/control-socket', 'LONGEST_REQUEST')),
    `${own('control/control-socket', 'REQUEST_TIME') / 1000} s`,
    `${own('control/control-socket', 'MOST_CONNECTIONS')} connections`,
  ],
  'a form, a search': [
    kb(own('web/login', 'LONGEST_FORM')),
    `${own('web/message-views', 'LONGEST_SEARCH')} characters, ${own('web/message-views', 'MOST_SEARCHES')} at a time`,
    `${MOST_WATCHERS}`,
  ],
  'the shared settings in Redis': [
    kb(LONGEST_DOCUMENT),
    `${shown(MOST_ENTRIES)} values, ${CHANGES_KEPT} changes`,
  ],
  "a machine's report": [
    mb(LONGEST_REPORT),
    `all of them ${mb(own('cluster/redis-store', 'LONGEST_REPORTS'))}`,
  ],
  'machines in Redis': [
    `${own('cluster/redis-store', 'MOST_MACHINES')}, names of ${own('cluster/redis-store', 'LONGEST_MACHINE')} octets`,
  ],
}

/** The table under "Bounds": what, limit, setting, test. */
function bounds(): string[][] {
  const text = readFileSync(join(repository, 'SECURITY.md'), 'utf8')
  const section = text.slice(text.indexOf('\n## Bounds\n'))
  const rows = section.split('\n').filter((line) => line.startsWith('| '))
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

describe('the table of bounds in SECURITY.md', () => {
  for (const [what, limits] of Object.entries(ROWS)) {
    it(what, () => {
      const [, limit = '', setting = ''] = bounds().find(([cell]) => cell?.startsWith(what)) ?? []
      for (const each of limits) assert.ok(limit.includes(each), `${each} is not in: ${limit}`)
      const [, section, key = ''] = /^`(\w+)\.(\w+)`$/.exec(setting) ?? []
      if (section) assert.ok(KEYS[section]?.[key], setting)
    })
  }

  it('names tests that there are', () => {
    const rows = bounds()
    assert.ok(rows.length >= Object.keys(ROWS).length)
    for (const [what = '', , , tests = ''] of rows) {
      const names = [...tests.matchAll(/`([\w/.-]+)`/g)].map(([, name = '']) => name)
      assert.ok(names.length > 0, `no test for: ${what}`)
      for (const name of names) {
        const files = [`${name}.test.ts`, name, `cluster/${name}.ts`, `faults/${name}.ts`]
        assert.ok(
          files.some((file) => existsSync(join(repository, 'test', file))),
          `no test ${name}`,
        )
      }
    }
  })
})
