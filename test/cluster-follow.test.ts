import assert from 'node:assert/strict'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ANSWER_TIME } from '../plugins/tdc/cluster/redis-store'
import {
  CHANGES_KEPT,
  LONGEST_DOCUMENT,
  parseDocument,
} from '../plugins/tdc/cluster/shared-document'
import type { Answer } from '../plugins/tdc/base/answer'
import { systemDisk } from '../plugins/tdc/queue/disk'
import { Dice } from './support/dice'
import { FakeClock } from './support/fake-clock'
import { MemoryStore } from './support/memory-store'
import { type MachineOptions, SharedMachine } from './support/shared-machine'

const OFF = 'machine.mx2 enabled=false'

describe('settings that machines share', () => {
  let store: MemoryStore
  let clock: FakeClock
  let dice: Dice

  beforeEach(() => {
    store = new MemoryStore()
    clock = new FakeClock()
    dice = new Dice(1)
  })

  const machine = (name: string, more: Partial<MachineOptions> = {}) =>
    new SharedMachine({ name, store, clock, dice, ...more })

  /** One after the other, as they would. */
  const look = async (...machines: readonly SharedMachine[]) => {
    for (const each of machines) await each.shared.look()
  }

  it('a change on one is in force on another after its next look', async () => {
    const [mx1, mx2] = [machine('mx1'), machine('mx2')]
    const made = value(await mx1.set(OFF))
    assert(made.kind === 'made')
    assert.equal(made.level, 'cluster')
    assert.deepEqual(mx1.values, [OFF])
    assert.deepEqual(mx2.values, [])
    await look(mx1, mx2)
    assert.deepEqual(mx2.values, [OFF])
    assert.equal(mx2.inForce.length, 1)
    assert.deepEqual(mx2.log, [
      'TDC: Shared settings revision 1 in force, by alice@mx1: [machine.mx2] enabled=false',
    ])
  })

  describe('machines that go off with another', () => {
    const OFF_INI = '[main]\nintake_address=scan@in.example\n'
    const ON = '[main]\nenabled=true\nintake_address=scan@in.example\n'
    const GROUP = '[group.edge]\nenabled=true\nmachines=mx3,mx4.example.org\n'
    const rows: [what: string, ini: string, change: string, off: string[]][] = [
      ['all that inherit, also such as only reported', ON, OFF, ['mx1', 'mx8']],
      ['not those with a value of their own', `${ON}[machine.mx1]\nenabled=true\n`, OFF, ['mx8']],
      ['in its group', ON + GROUP, 'machine.mx4 enabled=false', ['mx1', 'mx2', 'mx3', 'mx8']],
      ['the group alone', OFF_INI + GROUP, 'machine.mx3 enabled=false', ['mx4.example.org']],
      ['not when nothing spreads', `${ON}machine_disable_spreads=false\n`, OFF, []],
      ['not when all were off', OFF_INI, OFF, []],
      ['not by a level above', ON + GROUP, 'main enabled=false', []],
      ['not by turning on', ON, 'machine.mx2 enabled=true', []],
      [
        'by the rule itself',
        `${ON}machine_disable_spreads=false\n[machine.mx2]\nenabled=false\n`,
        'main machine_disable_spreads=true',
        ['mx1', 'mx8'],
      ],
    ]
    for (const [what, ini, change, off] of rows) {
      it(`${what}: ${off.join(', ') || 'none'}`, async () => {
        for (const name of ['mx1', 'mx2', 'mx8']) await store.report(name, '')
        const mx1 = machine('mx1', { ini })
        const answer = value(await mx1.ask(change))
        if (off.length === 0) {
          assert.equal(answer.kind, 'made')
          assert.deepEqual(mx1.values, [change])
          return
        }
        assert.deepEqual(answer, { kind: 'would-spread', machines: off })
        assert.deepEqual([store.text, mx1.values], ['', []], 'nothing is changed yet')
        assert.equal(value(await mx1.set(change)).kind, 'made')
        assert.deepEqual(mx1.values, [change])
      })
    }
  })

  it('each change has its author, its moment and the values before', async () => {
    const mx1 = machine('mx1')
    await mx1.set('main enabled=true', OFF)
    await clock.advance(5_000)
    await mx1.set('main enabled=false')
    assert.deepEqual(
      mx1.shared.known.changes.map(({ number, at, author, values }) => [
        number,
        at - clock.wall(),
        author,
        values.map(({ section, before, after }) => `${section} ${before} ${after}`),
      ]),
      [
        [1, -5_000, 'alice@mx1', ['main null true', 'machine.mx2 null false']],
        [2, 0, 'alice@mx1', ['main true false']],
      ],
    )
  })

  it('a change is taken back by another one, and that one too', async () => {
    const mx1 = machine('mx1')
    await mx1.set('main enabled=true')
    await mx1.set('main enabled=false', OFF)
    value(await mx1.revert(2))
    assert.deepEqual(mx1.values, ['main enabled=true'])
    value(await mx1.revert(3))
    assert.deepEqual(mx1.values, [OFF, 'main enabled=false'])
    value(await mx1.revert(1))
    assert.deepEqual(mx1.values, [OFF])
    assert.deepEqual(
      mx1.shared.known.changes.map(({ reverts }) => reverts),
      [null, null, 2, 3, 1],
    )
    assert.equal(refusal(await mx1.revert(9)), 'there is no change 9; known are 1 to 5')
  })

  const REFUSED: readonly (readonly [what: string, why: RegExp])[] = [
    ['main enabled=perhaps', /^not changed: shared settings \[main\] enabled=perhaps: must be/],
    ['main intake_address=nobody', /must be an address user@domain/],
    ['main intake_adress=a@b.example', /^"intake_adress" cannot be shared; intake_address was/],
    ['delivery port=26', /^"port" cannot be shared/],
    ['cluster redis=false', /^"redis" cannot be shared/],
    ['policy.a recipient_list_file=list', /^"recipient_list_file" cannot be shared/],
    ['policy.DEFAULT senders=any', /^"senders" cannot be shared; those of this level are intake/],
    ['policy.a intake=custom', /intake_address is missing/],
    ['group.edge enabled=true', /the group has no machine/],
    ['machine.a@b enabled=true', /the machine's name must be a host name/],
    ['main policy_order=vip', /the entry vip must be the name of a policy/],
    [
      `main intake_address=${'x'.repeat(5_000)}`,
      /has 5000 characters, a shared value can have 4000/,
    ],
    ['main enabled', /^nothing changes/],
  ]
  for (const [what, why] of REFUSED) {
    it(`${what.slice(0, 40)} is refused, and nothing is written`, async () => {
      const mx1 = machine('mx1')
      assert.match(refusal(await mx1.set(what)), why)
      assert.equal(store.text, '')
      assert.deepEqual([mx1.values, mx1.log, mx1.inForce], [[], [], []])
    })
  }

  it('two that change at the same moment both have their change', async () => {
    const [mx1, mx2] = [machine('mx1'), machine('mx2')]
    const answers = await Promise.all([mx1.set('main enabled=true'), mx2.set(OFF)])
    assert.deepEqual(
      answers.map(({ kind }) => kind),
      ['ok', 'ok'],
    )
    await look(mx1, mx2)
    assert.deepEqual(mx1.values, [OFF, 'main enabled=true'])
    assert.deepEqual(mx2.values, mx1.values)
  })

  it('keeps the last 200 changes, and fewer when they are long', async () => {
    const mx1 = machine('mx1')
    for (let i = 0; i <= CHANGES_KEPT; i++) await mx1.set(`main enabled=${i % 2 === 0}`)
    assert.equal(mx1.shared.known.changes.length, CHANGES_KEPT)
    assert.equal(mx1.shared.known.revision, CHANGES_KEPT + 1)
    const policy = 'policy.long recipients=listed'
    for (let i = 0; i < LONGEST_DOCUMENT / 3_900; i++) {
      const list = `policy.long recipient_list=${'a'.repeat(3_900)}${i}@b.example`
      value(await mx1.set(...(i === 0 ? [policy, list] : [list])))
    }
    assert.ok(Buffer.byteLength(store.text) <= LONGEST_DOCUMENT)
    const mx2 = machine('mx2')
    await look(mx2)
    assert.deepEqual(mx2.values, mx1.values)
    assert.ok(mx2.shared.known.changes.length > 10)
  })

  describe('with Redis away', () => {
    it('the last good ones stay, with one line when it begins and one when it ends', async () => {
      const mx1 = machine('mx1')
      await mx1.set(OFF)
      mx1.events.length = 0
      store.mood = 'away'
      for (let i = 0; i < 50; i++) await look(mx1)
      assert.match(
        refusal(await mx1.set('main enabled=true')),
        /^Redis cannot be reached .*: nothing/,
      )
      store.mood = 'well'
      for (let i = 0; i < 50; i++) await look(mx1)
      assert.deepEqual(mx1.log, [
        'TDC: Shared settings: Redis cannot be reached: connect ECONNREFUSED; revision 1 stays in force',
        'TDC: Shared settings: Redis and this machine agree on revision 1',
      ])
      assert.deepEqual(mx1.values, [OFF])
    })

    it('a start has what was last in force, from a file for its user only', async () => {
      const before = machine('mx1')
      await before.set(OFF)
      await before.lastGood.write(before.shared.known)
      assert.equal(statSync(before.lastGood.path).mode & 0o777, 0o600)
      assert.deepEqual(readdirSync(dirname(before.lastGood.path)), ['shared.json'])
      store.mood = 'away'
      const after = machine('mx1', { folder: before.folder })
      assert.deepEqual(after.values, [OFF])
      await look(after)
      assert.deepEqual(after.values, [OFF])
    })

    it('one that never answers is left after a time, a look and a change alike', async () => {
      const mx1 = machine('mx1')
      store.mood = 'silent'
      const looking = mx1.shared.look()
      const changing = mx1.set(OFF)
      await clock.advance(ANSWER_TIME)
      await looking
      assert.match(refusal(await changing), /no answer in 3 seconds/)
      assert.match(
        mx1.log.join(),
        /Redis cannot be reached: no answer in 3 seconds; tdc\.ini alone/,
      )
      assert.equal(clock.pending, 0)
    })

    it('an answer that is lost behind a change says so', async () => {
      const mx1 = machine('mx1')
      const swap = store.swap.bind(store)
      store.swap = async (...given) => {
        await swap(...given)
        throw new Error('connection lost')
      }
      assert.match(refusal(await mx1.set(OFF)), /may have been made or not, see haraka-tdc history/)
      await look(mx1)
      assert.deepEqual(mx1.values, [OFF])
    })

    it('a file that cannot be written is told, and the settings are in force', async () => {
      const makeFolder = () => Promise.reject(new Error('no space left'))
      const mx1 = machine('mx1', { disk: { ...systemDisk, makeFolder } })
      await mx1.set(OFF)
      await clock.settle()
      assert.deepEqual(mx1.values, [OFF])
      assert.match(mx1.log.at(-1) ?? '', /revision 1 not stored for a restart: no space left$/)
    })
  })

  describe('with Redis emptied or put back', () => {
    it('nothing is turned off: what is known is written back', async () => {
      const [mx1, mx2] = [machine('mx1'), machine('mx2')]
      await mx1.set('main enabled=true')
      await look(mx2)
      store.text = ''
      await look(mx2, mx1)
      const mx3 = machine('mx3')
      await look(mx3)
      assert.deepEqual(mx3.values, ['main enabled=true'])
      assert.match(
        mx2.log.at(-1) ?? '',
        /Redis has none; revision 1 stays in force and is written back/,
      )
      assert.equal(mx1.log.length, 1, 'it was done when mx1 looked')
    })

    it('an older state is put right by whoever knows better', async () => {
      const [mx1, mx2] = [machine('mx1'), machine('mx2')]
      await mx1.set('main enabled=true')
      await look(mx2)
      const old = store.text
      await mx1.set(OFF)
      store.text = old
      await look(mx2, mx1, mx2)
      assert.deepEqual(mx2.values, [OFF, 'main enabled=true'])
      assert.match(mx1.log.at(-1) ?? '', /Redis has the older revision 1; revision 2 stays/)
    })

    it('settings that were begun anew go before those of a machine that was away', async () => {
      const old = machine('mx1')
      for (const each of ['true', 'false', 'true']) await old.set(`main enabled=${each}`)
      store.text = ''
      const fresh = machine('mx2')
      await fresh.set(OFF)
      await look(old, fresh)
      assert.deepEqual([old.values, fresh.values], [[OFF], [OFF]])
    })

    it('two states of one revision become one', async () => {
      const mx1 = machine('mx1')
      await mx1.set('main enabled=true')
      const common = store.text
      const mx2 = machine('mx2')
      await look(mx2)
      await mx1.set('main enabled=false')
      store.text = common
      await mx2.set(OFF)
      assert.equal(mx1.shared.known.revision, mx2.shared.known.revision)
      await look(mx1, mx2)
      assert.deepEqual(mx1.values, mx2.values)
    })
  })

  describe('with something else in their place', () => {
    const NONSENSE: readonly (readonly [
      name: string,
      text: (good: string) => string,
      why: RegExp,
    ])[] = [
      ['no JSON', () => 'garbage', /it is not JSON/],
      ['a JSON of another kind', () => '[1,2]', /it is not an object/],
      ['null', () => 'null', /it is not an object/],
      ['half of it', (good) => good.slice(0, -20), /it is not JSON/],
      ['no revision', (good) => good.replace(/"revision":\d+,/, ''), /it\.revision is not a whole/],
      ['a later format', (good) => good.replace('"format":1', '"format":2'), /it has format 2/],
      [
        'a value of no text',
        (good) => good.replace('"false"', '5'),
        /it\.entries\[0\]\.value is not/,
      ],
      [
        'control characters',
        (good) => good.replace('"false"', '"\\u001b[2J"'),
        /control characters/,
      ],
      ['far too much', () => 'x'.repeat(LONGEST_DOCUMENT + 1), /more than 524288 octets/],
    ]
    for (const [name, text, why] of NONSENSE) {
      it(`${name}: the last good ones stay, and changes say what to do`, async () => {
        const mx1 = machine('mx1')
        await mx1.set(OFF)
        const good = store.text
        store.text = text(good)
        mx1.events.length = 0
        for (let i = 0; i < 200; i++) await look(mx1)
        assert.deepEqual([mx1.values, mx1.log.length], [[OFF], 1], mx1.log.join('\n'))
        assert.match(mx1.log[0] ?? '', why)
        assert.match(
          mx1.log[0] ?? '',
          /Redis holds something else in their place: .*; revision 1 stays/,
        )
        assert.match(
          refusal(await mx1.set('main enabled=true')),
          /delete the key, and the last good/,
        )
        assert.equal(store.text, text(good), 'it may be somebody else’s')
        store.text = ''
        await look(mx1)
        assert.equal(store.text, good)
      })
    }

    const FOREIGN: readonly (readonly [section: string, key: string, value: string])[] = [
      ['tls', 'verify', 'false'],
      ['main', 'sender_list', '/etc/passwd'],
      ['delivery', 'port', '26'],
      ['cluster', 'share_addresses', 'true'],
      ['status_page', 'token', 'a-token-of-20-letters'],
      ['machine.mx2', 'intake_format', 'bcc'],
      ['policy.vip', '__proto__', 'x'],
      ['constructor', 'name', 'x'],
    ]
    for (const [section, key, value] of FOREIGN) {
      it(`[${section}] ${key}, which nobody can share: refused by its name, at a start too`, async () => {
        const mx1 = machine('mx1')
        await mx1.set(OFF)
        const parsed = parseDocument(store.text)
        assert(parsed.kind === 'document')
        const { entries, revision } = parsed.document
        const foreign = [...entries, { section, key, value }]
        const document = { ...parsed.document, revision: revision + 1, id: 'x', entries: foreign }
        store.text = JSON.stringify({ format: 1, ...document })
        await look(mx1, mx1)
        const why = `[${section}] ${key} cannot be shared`
        assert.deepEqual(mx1.values, [OFF])
        assert.equal(
          mx1.log.at(-1),
          `TDC: Shared settings: refused on this machine: revision 2: ${why}; revision 1 stays in force`,
        )
        assert.equal(refusal(await mx1.set('main enabled=true')), `not changed: ${why}`)
        await mx1.lastGood.write(parsed.document)
        writeFileSync(mx1.lastGood.path, store.text)
        assert.deepEqual(mx1.lastGood.read(), { kind: 'unreadable', why })
      })
    }

    it('values that are no settings here are refused here, and told once', async () => {
      const [mx1, mx2] = [machine('mx1'), machine('mx2')]
      mx1.ini += '[group.edge]\nmachines[]=mx1\n'
      await mx1.set(OFF)
      await look(mx2)
      value(await mx1.set('group.edge enabled=true'))
      for (let i = 0; i < 200; i++) await look(mx2)
      assert.deepEqual(mx2.values, [OFF])
      assert.equal(mx2.log.length, 2)
      assert.match(
        mx2.log[1] ?? '',
        /refused on this machine: revision 2: .*the group has no machine; revision 1 stays in force/,
      )
      value(await mx1.set('group.edge machines=mx1'))
      await look(mx2)
      assert.equal(mx2.values.length, 3)
    })

    it('a damaged body under a good beginning is found, too', async () => {
      const mx1 = machine('mx1')
      await mx1.set(OFF)
      await look(mx1)
      store.text = store.text.slice(0, -5)
      for (let i = 0; i < 100; i++) await look(mx1)
      assert.match(mx1.log.at(-1) ?? '', /it is not JSON/)
    })

    it('whatever octets are there, nothing is thrown, and what is in force is whole', async () => {
      const random = Dice.thrown('documents')
      const mx1 = machine('mx1')
      await mx1.set(OFF, 'main enabled=true')
      const good = store.text
      for (let round = 0; round < 500; round++) {
        const at = random.below(good.length)
        const cut = good.slice(0, at) + random.octets(8).toString('latin1')
        store.text = random.below(2) === 0 ? cut : cut + good.slice(at + random.below(8))
        // Often enough for a look at all of it.
        for (let i = 0; i < 60; i++) await look(mx1)
        // What was taken is settings; anything else was told.
        const parsed = parseDocument(store.text)
        if (parsed.kind === 'nonsense') assert.notEqual(mx1.shared.trouble, undefined)
      }
      assert.ok(mx1.shared.known.revision >= 1)
    })
  })
})

function value<T>(answer: Answer<T>): T {
  assert(answer.kind === 'ok', JSON.stringify(answer))
  return answer.value
}

function refusal(answer: Answer): string {
  assert(answer.kind === 'no', JSON.stringify(answer))
  return answer.why
}
