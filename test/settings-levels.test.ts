import assert from 'node:assert/strict'
import { problemsOf, settingsOf } from './support/settings-source'

type Enabled = 'true' | 'false' | ''

/** What this machine (mx1, in group=edge) finds around it. */
interface Surroundings {
  readonly cluster: Enabled
  readonly group: Enabled
  /** mx2, the other machine of group=edge. */
  readonly mate: Enabled
  /** mx9, a machine of no group. */
  readonly stranger: Enabled
}

const INTAKE = 'intake_address=scan@in.example'

function text({ cluster, group, mate, stranger }: Surroundings, own: Enabled, spreads: boolean) {
  return [
    `[main]\nenabled=${cluster}\n${INTAKE}\nmachine_disable_spreads=${spreads}`,
    `[group.edge]\nmachines[]=mx1\nmachines[]=mx2\nenabled=${group}`,
    `[machine.mx1]\nenabled=${own}`,
    `[machine.mx2]\nenabled=${mate}`,
    `[machine.mx9]\nenabled=${stranger}`,
  ].join('\n')
}

function level(ini: string, hostname = 'mx1', me = 'mail.example.org'): string {
  const { effective } = settingsOf(ini, { hostname, me })
  return `${effective.enabled ? 'on' : 'off'}, ${effective.level}`
}

/** Spec 2 for a machine that says nothing itself: `cluster group mate stranger -> result`. */
const INHERITED = `
  true  -     -     -     on, cluster
  true  -     -     false off, disabled by machine=mx9
  true  -     -     true  on, cluster
  true  -     false -     off, disabled by machine=mx2
  true  -     false false off, disabled by machine=mx2
  true  -     false true  off, disabled by machine=mx2
  true  -     true  -     on, cluster
  true  -     true  false off, disabled by machine=mx9
  true  -     true  true  on, cluster
  true  true  -     -     on, group=edge
  true  true  -     false on, group=edge
  true  true  -     true  on, group=edge
  true  true  false -     off, disabled by machine=mx2
  true  true  false false off, disabled by machine=mx2
  true  true  false true  off, disabled by machine=mx2
  true  true  true  -     on, group=edge
  true  true  true  false on, group=edge
  true  true  true  true  on, group=edge
  true  false -     -     off, group=edge
  true  false -     false off, group=edge
  true  false -     true  off, group=edge
  true  false false -     off, group=edge
  true  false false false off, group=edge
  true  false false true  off, group=edge
  true  false true  -     off, group=edge
  true  false true  false off, group=edge
  true  false true  true  off, group=edge
  false -     -     -     off, cluster
  false -     -     false off, cluster
  false -     -     true  off, cluster
  false -     false -     off, cluster
  false -     false false off, cluster
  false -     false true  off, cluster
  false -     true  -     off, cluster
  false -     true  false off, cluster
  false -     true  true  off, cluster
  false true  -     -     on, group=edge
  false true  -     false on, group=edge
  false true  -     true  on, group=edge
  false true  false -     off, disabled by machine=mx2
  false true  false false off, disabled by machine=mx2
  false true  false true  off, disabled by machine=mx2
  false true  true  -     on, group=edge
  false true  true  false on, group=edge
  false true  true  true  on, group=edge
  false false -     -     off, group=edge
  false false -     false off, group=edge
  false false -     true  off, group=edge
  false false false -     off, group=edge
  false false false false off, group=edge
  false false false true  off, group=edge
  false false true  -     off, group=edge
  false false true  false off, group=edge
  false false true  true  off, group=edge`

const ROWS = Array.from(
  INHERITED.matchAll(/^ +(\w+) +(\S+) +(\S+) +(\S+) +(.+)$/gm),
  ([, cluster, group, mate, stranger, result]) => {
    const [c, g, m, s] = [cluster, group, mate, stranger].map((v) => (v === '-' ? '' : v))
    return { around: { cluster: c, group: g, mate: m, stranger: s } as Surroundings, result }
  },
)

function named({ cluster, group, mate, stranger }: Surroundings): string {
  return `cluster=${cluster} group=${group} mate=${mate} stranger=${stranger}`
}

describe('enablement of a machine', () => {
  it('is tabled for every combination', () => {
    assert.equal(new Set(ROWS.map(({ around }) => named(around))).size, 2 * 3 * 3 * 3)
  })

  for (const { around, result } of ROWS) {
    it(`${named(around)}: ${result}`, () => {
      assert.equal(level(text(around, '', true)), result)
    })
    it(`${named(around)}: its own value goes before all of them`, () => {
      assert.equal(level(text(around, 'true', true)), 'on, machine=mx1')
      assert.equal(level(text(around, 'false', true)), 'off, machine=mx1')
    })
    it(`${named(around)}: other machines do not count with machine_disable_spreads=false`, () => {
      const quiet = named({ ...around, mate: '', stranger: '' })
      const alone = ROWS.find((row) => named(row.around) === quiet)
      assert.equal(level(text(around, '', false)), alone?.result)
    })
  }

  it('a disabled machine turns off its own group and the cluster, and no other group', () => {
    const ini = [
      `[main]\nenabled=true\n${INTAKE}`,
      '[group.edge]\nenabled=true\nmachines=mx1,mx2',
      '[group.core]\nenabled=true\nmachines=mx3',
      '[group.lab]\nmachines=mx4',
      '[machine.mx2]\nenabled=false',
      '[machine.mx5]\nenabled=true',
    ].join('\n')
    const all = ['mx1', 'mx2', 'mx3', 'mx4', 'mx5', 'mx6'].map((host) => level(ini, host))
    assert.deepEqual(all, [
      'off, disabled by machine=mx2',
      'off, machine=mx2',
      'on, group=core',
      'off, disabled by machine=mx2',
      'on, machine=mx5',
      'off, disabled by machine=mx2',
    ])
  })
})

describe('the name of a machine', () => {
  const one = (heading: string) => `[main]\n${INTAKE}\n[machine.${heading}]\nenabled=true`
  const rows: readonly (readonly [heading: string, hostname: string, me: string, on: boolean])[] = [
    ['mx1', 'mx1', '', true],
    ['MX1', 'mx1', '', true],
    ['mx1', 'MX1.Example.Org', '', true],
    ['mx1.example.org', 'mx1', '', true],
    ['mx1.example.org', 'mx1.example.org.', '', true],
    ['mx1.example.org', 'mx1.example.net', '', false],
    ['mx1', 'mx10', '', false],
    ['mx1', 'container-7f', 'mx1.example.org', true],
    ['mx1.example.org', 'container-7f', 'mx1.example.org', true],
    ['mx1', '', '', false],
  ]
  for (const [heading, hostname, me, on] of rows) {
    it(`[machine.${heading}] is ${on ? '' : 'not '}${hostname}, config/me ${me}`, () => {
      assert.equal(settingsOf(one(heading), { hostname, me }).effective.enabled, on)
    })
  }

  it('may be full in one place and short in another', () => {
    const ini = `[main]\n${INTAKE}\n[group.edge]\nenabled=true\nmachines=mx1,mx2
      [machine.mx2.example.org]\nenabled=false`
    assert.equal(level(ini, 'mx1'), 'off, disabled by machine=mx2.example.org')
    assert.equal(level(ini, 'mx2'), 'off, machine=mx2.example.org')
  })

  it('is that of config/me when the short hostname fits two machines', () => {
    const ini = `[main]\n${INTAKE}\n[machine.mx1.a.example]\nenabled=true\n[machine.mx1.b.example]`
    assert.equal(level(ini, 'mx1', 'mx1.a.example'), 'on, machine=mx1.a.example')
    assert.equal(level(ini, 'mx1', 'mx1.b.example'), 'off, cluster')
    assert.deepEqual(problemsOf(ini, { hostname: 'mx1', me: 'mx1' }), [
      'tdc.ini [machine.*]: this machine calls itself mx1, which may be mx1.a.example or mx1.b.example; its hostname or config/me must be the full name',
    ])
  })

  const refused: readonly (readonly [ini: string, sentence: string])[] = [
    [
      '[group.a]\nmachines=mx1\n[group.b]\nmachines[]=MX1',
      'tdc.ini [group.b] machines=mx1: is in [group.a] too; a machine must be in one group',
    ],
    [
      '[group.a]\nmachines=mx1\n[group.b]\nmachines[]=mx1.example.org',
      'tdc.ini [group.b] machines=mx1.example.org: is in [group.a] too; a machine must be in one group',
    ],
    [
      '[machine.mx1]\n[machine.mx1.example.org]',
      'tdc.ini [machine.mx1.example.org]: is the same machine as [machine.mx1]',
    ],
    ['[machine.mx1]\n[machine.MX1]', 'tdc.ini [machine.mx1]: stands 2 times; it must stand once'],
    [
      '[group.a]\nmachines=mx7\n[machine.mx7.a.example]\n[machine.mx7.b.example]',
      'tdc.ini [machine.*]: mx7 may be mx7.a.example or mx7.b.example; the full name must be written',
    ],
    ['[group.a]', 'tdc.ini [group.a] machines: is missing: the group has no machine'],
    ['[group.a]\nmachines=mx 1', 'tdc.ini [group.a] machines=mx 1: must be a host name'],
    ['[machine.mx 1]', "tdc.ini [machine.mx 1]: the machine's name must be a host name"],
  ]
  for (const [ini, sentence] of refused) {
    it(`${ini.replaceAll('\n', ' ')} is refused`, () => {
      const problems = problemsOf(ini)
      assert(problems.includes(sentence), problems.join('\n'))
    })
  }
})

describe('the default intake of a machine', () => {
  const ini = (cluster: string, group: string, machine: string) =>
    [
      `[main]\nintake_address=${cluster}`,
      `[group.edge]\nmachines=mx1\nintake_address=${group}`,
      `[machine.mx1]\nintake_address=${machine}`,
    ].join('\n')
  const rows: readonly (readonly [string, string, string, expected: string])[] = [
    ['', '', '', 'undefined, undefined'],
    ['c@in.example', '', '', 'c@in.example, cluster'],
    ['c@in.example', 'g@in.example', '', 'g@in.example, group=edge'],
    ['c@in.example', 'g@in.example', 'm@in.example', 'm@in.example, machine=mx1'],
    ['c@in.example', '', 'm@in.example', 'm@in.example, machine=mx1'],
    ['', 'g@in.example', '', 'g@in.example, group=edge'],
  ]
  for (const [cluster, group, machine, expected] of rows) {
    it(`cluster=${cluster} group=${group} machine=${machine}: ${expected}`, () => {
      const { effective, intakeAddresses } = settingsOf(ini(cluster, group, machine))
      assert.equal(`${effective.intake?.address}, ${effective.intakeLevel}`, expected)
      assert.deepEqual(
        [...intakeAddresses],
        [cluster, group, machine].filter((address) => address !== ''),
      )
    })
  }
})
