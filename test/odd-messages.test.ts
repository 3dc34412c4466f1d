import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Connector } from '../plugins/tdc/compose'
import { Forwarding } from '../plugins/tdc/forwarding'
import type { Connection, HarakaPlugin, Transaction } from '../plugins/tdc/haraka/types'
import { DirectorySync } from '../plugins/tdc/queue/directory-sync'
import { systemDisk } from '../plugins/tdc/queue/disk'
import { Doubts } from '../plugins/tdc/queue/doubts'
import { Journey } from '../plugins/tdc/queue/journey'
import { Preparer } from '../plugins/tdc/queue/preparer'
import { Spool } from '../plugins/tdc/queue/spool'
import { Dice } from './support/dice'
import { ROOMY, TestQueue } from './support/queue'
import { settingsOf } from './support/settings-source'

const INTAKE = 'journal@scan.example'
const TDC = `[main]
enabled=true
intake_address=${INTAKE}
on_journal_failure=POLICY
[policy.DEFAULT]
intake=default
`
const ROUNDS = 300

/** Without these there is no message; a stream that is none is waited for, as one that is read. */
const KEPT = ['uuid', 'msg_status', 'message_stream']

/** What plugins may leave anywhere. */
const ODD: readonly unknown[] = [
  undefined,
  null,
  0,
  4711,
  NaN,
  true,
  '',
  'text',
  '<>',
  '<bob@example.com>',
  [],
  [null],
  {},
  { user: 4711, host: 'example.com' },
  { user: 'x', host: 7 },
  {
    get user() {
      throw new Error('x')
    },
  },
  Object.create(null),
  Symbol('x'),
  () => {
    throw new Error('called')
  },
  new Date(NaN),
  10n,
]

/** Haraka 3.3's own class, as far as it is used. */
function address(path: string): object {
  const [user = '', host = ''] = path.split('@')
  return { user, host, original: `<${path}>`, format: () => `<${path}>` }
}

class OneMessage extends EventEmitter {
  pipe(destination: { write(octets: Buffer): boolean; end(): void }): unknown {
    destination.write(Buffer.from('Subject: odd\r\n\r\nBody.\r\n.\r\n'))
    destination.end()
    return destination
  }

  unpipe(): void {}
}

function usual(uuid: string): Record<string, unknown> {
  return {
    uuid,
    mail_from: address('alice@sender.example'),
    rcpt_to: [address('bob@example.com')],
    rcpt_count: { accept: 1, tempfail: 0, reject: 0 },
    header: { get_all: () => [], lines: () => [] },
    header_lines: ['Subject: odd\n'],
    message_stream: new OneMessage(),
    data_bytes: 20,
    notes: {},
    results: { add: () => {} },
    msg_status: undefined,
  }
}

describe('messages as plugins may leave them', () => {
  let queue: TestQueue
  beforeEach(() => (queue = new TestQueue()))
  afterEach(() => queue.remove())

  function forwarding(policy: string): Forwarding {
    const { scheduler, clock, events, directory, memory } = queue
    const doubts = new Doubts(clock)
    const report = (event: (typeof events)[number]) => void events.push(event)
    const spool = new Spool(directory, systemDisk, new DirectorySync(systemDisk, directory.path))
    const connector = {
      settings: { value: settingsOf(TDC.replace('POLICY', policy)) },
      loopKeys: { current: Buffer.alloc(32), accepted: () => [] },
      gateway: 'mx.gateway.test',
      monitor: { report },
      queue: {
        doubts,
        preparer: new Preparer({ directory, spool, memory, clock, room: ROOMY, report }),
      },
      journey: (routes: never) => new Journey(routes, { scheduler, clock, report, doubts }),
    } as unknown as Connector
    const plugin = {
      name: 'tdc',
      timeout: 0,
      haraka_require: () => ({}),
    } as unknown as HarakaPlugin
    return new Forwarding(plugin, connector)
  }

  /** All hooks of one message that is accepted; what is to be counted of it. */
  async function passed(
    one: Forwarding,
    members: Record<string, unknown>,
    odd: object = {},
  ): Promise<{ answer: string; copies: string[]; missed: number }> {
    const transaction = members as unknown as Transaction
    const connection = { transaction, relaying: false, remote: { ip: '192.0.2.1' }, notes: {} }
    const haraka = Object.defineProperties(
      connection,
      Object.getOwnPropertyDescriptors(odd),
    ) as unknown as Connection
    one.decide(haraka, transaction)
    const answer = await one.prepare(haraka, transaction)
    if (answer === 'goes on') await one.commit(haraka, transaction)
    else Object.assign(members, { msg_status: 'deferred' })
    await one.resolve(haraka, transaction)
    await queue.idle()
    const all = queue.events.splice(0)
    const copies = all.flatMap((event) => (event.kind === 'enqueued' ? [event.mid] : []))
    return { answer, copies, missed: all.filter(({ kind }) => kind === 'journal-failed').length }
  }

  it('an odd recipient costs nobody else a copy, and has one where it can be read', async () => {
    const one = forwarding('accept')
    for (const [at, odd] of ODD.entries()) {
      for (const to of [
        [address('bob@example.com'), odd],
        [odd, address('bob@example.com')],
      ]) {
        const { answer, copies } = await passed(one, { ...usual(`R${at}.1`), rcpt_to: to })
        assert.deepEqual([answer, copies.length], ['goes on', 1], String(at))
      }
    }
  })

  for (const [policy, wanted] of [
    ['accept', 'goes on'],
    ['tempfail', 'deferred'],
  ] as const)
    it(`a connection that cannot be asked is a miss too, told once, with ${policy}`, async () => {
      const odd = {
        get hooks_to_run(): never {
          throw new Error('odd')
        },
      }
      const { answer, copies, missed } = await passed(forwarding(policy), usual('C.1'), odd)
      assert.deepEqual([answer, copies.length, missed], [wanted, 0, 1])
    })

  it('a recipient that is no address is a miss, and answered so', async () => {
    for (const [policy, wanted] of [
      ['accept', 'goes on'],
      ['tempfail', 'deferred'],
    ] as const) {
      const to = [{ user: {}, host: [] }]
      const { answer, missed } = await passed(forwarding(policy), { ...usual('M.1'), rcpt_to: to })
      assert.deepEqual([answer, missed], [wanted, 1])
    }
  })

  for (const policy of ['accept', 'tempfail']) {
    it(`whatever is odd, it is a copy or one counted miss, with ${policy}`, async () => {
      const dice = Dice.thrown('odd messages')
      const one = forwarding(policy)
      for (let round = 0; round < ROUNDS; round++) {
        const members = usual(`F${round}.1`)
        const names = Object.keys(members).filter((name) => !KEPT.includes(name))
        const name = dice.pick(names)
        const odd = dice.pick(ODD)
        members[name] = odd
        const { answer, copies, missed } = await passed(one, members)
        const what = `round ${round}: ${name} is ${typeof odd}`
        const nobody = name === 'rcpt_to' && Array.isArray(odd)
        if (nobody) assert.deepEqual([copies.length, missed], [0, 0], what)
        else if (missed > 0) {
          assert.deepEqual([copies.length, missed], [0, 1], what)
          assert.equal(answer, policy === 'accept' ? 'goes on' : 'deferred', what)
        } else assert.equal(copies.length, 1, what)
      }
    })
  }
})
