import assert from 'node:assert/strict'
import { overlay, sharesSettings } from '../plugins/tdc/cluster/overlay'
import type { SharedEntry } from '../plugins/tdc/cluster/shared-document'
import { readSettings } from '../plugins/tdc/settings/read'
import type { ReadResult } from '../plugins/tdc/settings/settings'
import { settingsOf, sourceOf } from './support/settings-source'

type Enabled = 'true' | 'false' | ''

/** The levels around mx1, which is in group=edge with mx2; mx9 is in none. */
const LEVELS = ['main', 'group.edge', 'machine.mx1', 'machine.mx2', 'machine.mx9'] as const
const CHOICES: readonly Enabled[] = ['true', 'false', '']

/** Every combination of values; the cluster's own is never unset. */
const COMBINATIONS = combinations(LEVELS.length).filter(([main]) => main !== '')

function combinations(length: number): readonly (readonly Enabled[])[] {
  if (length === 0) return [[]]
  return combinations(length - 1).flatMap((rest) => CHOICES.map((value) => [value, ...rest]))
}

function ini(values: readonly Enabled[], spreads: boolean): string {
  const more: Readonly<Record<string, string>> = {
    main: `intake_address=scan@in.example\nmachine_disable_spreads=${spreads}\n`,
    'group.edge': 'machines[]=mx1\nmachines[]=mx2\n',
  }
  return LEVELS.map(
    (section, at) => `[${section}]\n${more[section] ?? ''}enabled=${values[at] ?? ''}\n`,
  ).join('')
}

function opposite(value: Enabled): Enabled {
  return value === 'true' ? 'false' : 'true'
}

function told(read: ReadResult): string {
  assert(read.kind === 'settings', JSON.stringify(read))
  const { enabled, level } = read.settings.effective
  return `${enabled ? 'on' : 'off'}, ${level}`
}

/** `machine=mx2` of `off, disabled by machine=mx2`, as a section. */
function decidingSection(level: string): string {
  const [, name = ''] = /((?:machine|group)=\S+|cluster)$/.exec(level) ?? []
  return name === 'cluster' ? 'main' : name.replace('=', '.')
}

describe('enablement with shared settings above the file', () => {
  const placings = 2 ** LEVELS.length

  it('is tried in every combination of values and places', () => {
    assert.equal(COMBINATIONS.length, 2 * 3 ** 4)
    assert.equal(placings, 32)
  })

  for (const spreads of [true, false]) {
    for (const mx1 of CHOICES) {
      const here = COMBINATIONS.filter((values) => values[2] === mx1)
      const unset = mx1 === '' ? 'unset' : mx1
      it(`is that of one file: ${spreads ? '' : 'not '}spreading, mx1 ${unset}`, () => {
        for (const values of here) isThatOfOneFile(values, spreads)
      })
    }
  }

  function isThatOfOneFile(values: readonly Enabled[], spreads: boolean): void {
    const { enabled, level } = settingsOf(ini(values, spreads)).effective
    for (let places = 0; places < placings; places++) {
      const isShared = (at: number) => (places & (1 << at)) !== 0
      // What is shared goes before the file, which says the opposite below it.
      const below = values.map((value, at) => (isShared(at) ? opposite(value) : value))
      const entries = LEVELS.flatMap((section, at): SharedEntry[] =>
        isShared(at) ? [{ section, key: 'enabled', value: values[at] ?? '' }] : [],
      )
      const decides = LEVELS.findIndex((section) => section === decidingSection(level))
      const from = isShared(decides) ? ' (shared settings)' : ''
      const result = told(readSettings(overlay(sourceOf(ini(below, spreads)), entries)))
      assert.equal(result, `${enabled ? 'on' : 'off'}, ${level}${from}`, JSON.stringify(entries))
    }
  }

  it('has the intake of the most specific level, wherever it stands', () => {
    const file = '[main]\nintake_address=a@in.example\n[machine.mx1]\nintake_address=b@in.example\n'
    const shared = [
      { section: 'machine.mx1', key: 'intake_address', value: 'c@in.example' },
      { section: 'main', key: 'intake_address', value: 'd@in.example' },
    ]
    const intakeOf = (entries: readonly SharedEntry[]) => {
      const read = readSettings(overlay(sourceOf(file), entries))
      assert(read.kind === 'settings')
      return `${read.settings.effective.intake?.address}, ${read.settings.effective.intakeLevel}`
    }
    assert.equal(intakeOf([]), 'b@in.example, machine=mx1')
    assert.equal(intakeOf(shared), 'c@in.example, machine=mx1 (shared settings)')
    assert.equal(
      intakeOf([{ section: 'machine.mx1', key: 'intake_address', value: '' }, ...shared.slice(1)]),
      'd@in.example, cluster (shared settings)',
    )
  })
})

describe('shared settings above the file', () => {
  const policies = (text: string, entries: readonly SharedEntry[]) => {
    const read = readSettings(
      overlay(sourceOf(`[main]\nintake_address=a@in.example\n${text}`), entries),
    )
    assert(read.kind === 'settings', JSON.stringify(read))
    return (recipient: string) => read.settings.policies.match('x@y.example', recipient).policy
  }
  const vip: readonly SharedEntry[] = [
    { section: 'policy.vip', key: 'intake', value: 'default' },
    { section: 'policy.vip', key: 'recipient_list', value: '@vip.example, boss@all.example' },
    { section: 'policy.vip', key: 'recipients', value: 'listed' },
  ]

  it('a policy of theirs stands above those of the file', () => {
    const match = policies('[policy.all]\nintake=no\n', vip)
    assert.equal(match('a@vip.example'), 'vip')
    assert.equal(match('boss@all.example'), 'vip')
    assert.equal(match('b@else.example'), 'all')
  })

  it('a policy that both have stays where it is, and policy_order goes before all', () => {
    const file = '[policy.all]\nintake=no\n[policy.VIP]\nintake=no\n'
    assert.equal(policies(file, vip)('a@vip.example'), 'all')
    const order = { section: 'main', key: 'policy_order', value: 'vip' }
    assert.equal(policies(file, [order, ...vip])('a@vip.example'), 'VIP')
  })

  it('a machine is the same whether its name is written short or in full', () => {
    const file = '[main]\nenabled=false\n[machine.mx1.example.org]\nenabled=false\n'
    const entry = { section: 'machine.MX1', key: 'enabled', value: 'true' }
    const address = { section: 'main', key: 'intake_address', value: 'a@in.example' }
    const read = readSettings(overlay(sourceOf(file), [address, entry]))
    assert.equal(told(read), 'on, machine=mx1.example.org (shared settings)')
  })

  it('what is wrong with them is said of them, not of the file', () => {
    const entries = [{ section: 'main', key: 'intake_address', value: 'nobody' }]
    const read = readSettings(overlay(sourceOf('[main]\nenabled=maybe\n'), entries))
    assert(read.kind === 'refused')
    assert.match(
      read.problems.join('\n'),
      /^tdc\.ini \[main\] enabled=maybe: must be true or false$/m,
    )
    assert.match(
      read.problems.join('\n'),
      /^shared settings \[main\] intake_address=nobody: must be/m,
    )
  })

  it('are there only if the file itself says so', () => {
    for (const [text, expected] of [
      ['', false],
      ['[cluster]\nredis=false\n', false],
      ['[cluster]\nredis=true\n', true],
      ['[cluster]\nredis=yes\n', true],
      ['[cluster]\nredis=perhaps\n', false],
    ] as const) {
      assert.equal(sharesSettings(sourceOf(text)), expected, text)
    }
  })

  it('[cluster] machine is the name of this machine among the levels', () => {
    const file =
      '[cluster]\nmachine=edge7\n[main]\nintake_address=a@in.example\n[machine.edge7]\nenabled=true\n'
    const { effective, cluster } = settingsOf(file, { hostname: 'container-4711' })
    assert.equal(effective.level, 'machine=edge7')
    assert.equal(cluster.machine, 'edge7')
    assert.equal(
      settingsOf('', { hostname: 'MX3.example.org.' }).cluster.machine,
      'mx3.example.org',
    )
  })
})
