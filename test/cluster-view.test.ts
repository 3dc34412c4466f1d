import assert from 'node:assert/strict'
import { ANY } from '../plugins/tdc/base/sought'
import { clusterView, findInCluster, SILENT_AFTER } from '../plugins/tdc/cluster/cluster-view'
import { Link } from '../plugins/tdc/cluster/redis-store'
import {
  MachineReports,
  parseReport,
  reportText,
  shownMessage,
  shownStatus,
} from '../plugins/tdc/cluster/machine-report'
import { clusterText, isClusterWell } from '../plugins/tdc/cli/status-command'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import type { Status } from '../plugins/tdc/monitor/status'
import { RECENT_SHARED, type TrackedMessage } from '../plugins/tdc/monitor/tracked'
import { Dice } from './support/dice'
import { FakeClock } from './support/fake-clock'
import { MemoryStore } from './support/memory-store'
import { FIGURES, statusWith } from './support/status'

const MESSAGE: TrackedMessage = {
  transaction: 'AAAA-1.1',
  at: 1000,
  messageId: '<1@sender.example>',
  sender: 'alice@sender.example',
  recipients: ['bob@example.com'],
  recipientCount: 1,
  steps: [{ at: 1000, kind: 'enqueued', mid: 'AAAA-1.1.tdc1', text: 'for bob@example.com' }],
}

function told(status: Status, messages: readonly TrackedMessage[], share: boolean): string {
  const text = reportText({
    instance: '1',
    status: shownStatus(status, share),
    messages: messages.map((message) => shownMessage(message, share)),
  })
  return text ?? 'too long'
}

class Machines {
  readonly store = new MemoryStore()
  readonly clock = new FakeClock()
  readonly events: TdcEvent[] = []

  reports(
    machine: string,
    status: Status,
    { messages = [MESSAGE], shareAddresses = false, instance = `${machine.length}abc` } = {},
  ): MachineReports {
    return new MachineReports({
      link: new Link(() => Promise.resolve({ store: this.store, close: () => {} }), this.clock),
      report: (event) => this.events.push(event),
      gather: () => Promise.resolve(status),
      recent: () => Promise.resolve(messages),
      settings: () => ({ machine, shareAddresses }),
      instance,
    })
  }
}

describe('what machines know together', () => {
  it('is the sum of their figures, each machine as of its last report', async () => {
    const machines = new Machines()
    await machines.reports('mx1', statusWith({ queue: { ...FIGURES, delivered: 5 } })).send()
    machines.store.now += 2_000
    await machines.reports('mx2', statusWith({ queue: { ...FIGURES, delivered: 7 } })).send()
    const view = await clusterView(await machines.store.reports())
    assert.equal(view.total?.queue.delivered, 12)
    assert.deepEqual(
      view.machines.map(({ machine, at, isSilent }) => [machine, view.takenAt - at, isSilent]),
      [
        ['mx1', 2_000, false],
        ['mx2', 0, false],
      ],
    )
  })

  it('names a machine that reports no more, with the time, also when its figures are gone', async () => {
    const machines = new Machines()
    await machines.reports('mx1', statusWith({ enabled: true })).send()
    await machines.reports('mx2', statusWith({ enabled: true })).send()
    const at = machines.store.now
    machines.store.now += SILENT_AFTER + 1
    await machines.reports('mx1', statusWith({ enabled: true })).send()
    machines.store.kept.set('mx2', { at, text: null })
    const view = await clusterView(await machines.store.reports())
    assert.deepEqual(
      view.machines.map(({ machine, isSilent, status }) => [machine, isSilent, status === null]),
      [
        ['mx1', false, false],
        ['mx2', true, true],
      ],
    )
    assert.match(clusterText(view).join('\n'), /^mx2 +SILENT since 1970-01-01 /m)
    assert.equal(isClusterWell(view), false)
  })

  it('has no addresses unless they are shared', async () => {
    const status = statusWith({
      intake: 'scan@in.example',
      queue: {
        ...FIGURES,
        lastFailure: { at: 1, class: 'reply', text: '550 no such user scan@in.example' },
      },
      errors: [{ at: 1, kind: 'expired', text: 'to scan@in.example', domain: 'in.example' }],
    })
    const hidden = told(status, [MESSAGE], false)
    assert.doesNotMatch(hidden, /scan@|alice@|bob@/)
    assert.match(hidden, /\*\*\*@sender\.example/)
    const open = told(status, [MESSAGE], true)
    assert.match(open, /alice@sender\.example/)
    assert.equal(typeof parseReport(hidden), 'object')
    assert.equal(typeof parseReport(open), 'object')
  })

  it('finds a message on the machine that has it', async () => {
    const machines = new Machines()
    await machines.reports('mx1', statusWith(), { messages: [] }).send()
    await machines.reports('mx2', statusWith()).send()
    const stored = await machines.store.reports()
    for (const wanted of ['<1@sender.example>', 'AAAA-1.1', 'AAAA-1.1.tdc1']) {
      const { messages } = await findInCluster(stored, sought(wanted))
      assert.deepEqual(
        messages.map(({ machine, transaction }) => [machine, transaction]),
        [['mx2', 'AAAA-1.1']],
        wanted,
      )
    }
    assert.deepEqual(
      (await findInCluster(stored, sought('alice@sender.example'))).messages,
      [],
      'not shared',
    )
    // A domain is shown where an address is not.
    for (const [asked, count] of [
      [{ sender: 'sender.example', recipient: '@example.com', since: 1000 }, 1],
      [{ intake: 'example.com' }, 1],
      [{ intake: 'other.example' }, 0],
      [{ recipient: 'sender.example' }, 0],
      [{ since: 1001 }, 0],
    ] as const) {
      const { messages } = await findInCluster(stored, { ...sought(''), ...asked })
      assert.equal(messages.length, count, JSON.stringify(asked))
    }
  })

  it('keeps a report within its bounds, the figures before the messages', () => {
    const long = { ...MESSAGE, recipients: Array.from({ length: 50 }, () => 'x'.repeat(250)) }
    const messages = Array.from({ length: RECENT_SHARED }, () => long)
    const report = parseReport(told(statusWith(), messages, true))
    assert(typeof report === 'object')
    assert.ok(report.messages.length > 0 && report.messages.length < RECENT_SHARED)
  })

  it('one that says nonsense is shown as such, and the others are counted', async () => {
    const machines = new Machines()
    const good = told(statusWith(), [MESSAGE], true)
    const rows: readonly (readonly [text: string, wrong: RegExp])[] = [
      ['garbage', /not JSON/],
      ['{}', /it\.instance is not a text/],
      [
        good.replace(/"delivered":\d+/, '"delivered":"a lot"'),
        /it\.status\.queue\.delivered is not/,
      ],
      [good.replace('"enabled":', '"enabled":[],"was":'), /it\.status\.enabled is not true or/],
      [good.replace('alice', '\\u001b[2J'), /control characters/],
      ['x'.repeat(2 ** 21), /too long/],
    ]
    for (const [text, wrong] of rows) {
      machines.store.kept.set('mx1', { at: machines.store.now, text: good })
      machines.store.kept.set('mx2', { at: machines.store.now, text })
      const view = await clusterView(await machines.store.reports())
      assert.notEqual(view.total, null)
      assert.equal(view.machines[1]?.status, null)
      assert.match(view.machines[1]?.wrong ?? '', wrong)
      assert.match(clusterText(view).join('\n'), /^mx2 +0\.0 s ago +unreadable: /m)
    }
  })

  it('whatever octets are there, nothing is thrown', async () => {
    const dice = Dice.thrown('reports')
    const good = told(statusWith(), [MESSAGE], true)
    for (let round = 0; round < 2_000; round++) {
      const at = dice.below(good.length)
      const text =
        good.slice(0, at) + dice.octets(4).toString('latin1') + good.slice(at + dice.below(9))
      const stored = { now: 2_000, reports: [{ machine: 'mx1', at: 1_000, text }] }
      const view = await clusterView(stored)
      // Read or not, it is that machine, and a line for it; what is not read says why.
      const [only, ...others] = view.machines
      assert.deepEqual([only?.machine, others.length], ['mx1', 0])
      assert.equal(only?.status === null, Boolean(only?.wrong), text)
      const lines = clusterText(view)
      assert.ok(lines.some((line) => line.startsWith('mx1 ')))
      assert.doesNotMatch(lines.join(''), /[\x00-\x1f\x7f-\x9f]/)
      const { messages } = await findInCluster(stored, sought('<1@sender.example>'))
      assert.ok(messages.length <= 1)
    }
  })
})

describe('the report of a machine', () => {
  it('is one question to Redis', async () => {
    const machines = new Machines()
    const reports = machines.reports('mx1', statusWith())
    await reports.send()
    await reports.send()
    assert.equal(machines.store.asked, 2)
  })

  it('that cannot be written is told once, the second time, and when it is over', async () => {
    const machines = new Machines()
    const reports = machines.reports('mx1', statusWith())
    machines.store.mood = 'away'
    for (let i = 0; i < 5; i++) await reports.send()
    machines.store.mood = 'well'
    for (let i = 0; i < 5; i++) await reports.send()
    assert.deepEqual(
      machines.events.map(({ kind }) => kind),
      ['not-reported', 'reported-again'],
    )
  })

  it('says when another machine bears the same name', async () => {
    const machines = new Machines()
    const one = machines.reports('mx1', statusWith(), { instance: 'aaaa' })
    const other = machines.reports('mx1', statusWith(), { instance: 'bbbb' })
    for (let i = 0; i < 3; i++) {
      await one.send()
      await other.send()
    }
    assert.deepEqual(
      machines.events.map(({ kind }) => kind),
      ['warning', 'warning'],
      'once each',
    )
  })

  it('of a restarted machine takes the place of the one before without a word', async () => {
    const machines = new Machines()
    await machines.reports('mx1', statusWith(), { instance: 'aaaa' }).send()
    const again = machines.reports('mx1', statusWith(), { instance: 'bbbb' })
    await again.send()
    await again.send()
    assert.deepEqual(machines.events, [])
  })
})

function sought(wanted: string) {
  return { wanted, ...ANY, sort: '', most: 20 }
}
