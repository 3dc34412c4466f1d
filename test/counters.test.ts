import assert from 'node:assert/strict'
import { Counters } from '../plugins/tdc/monitor/counters'
import type { TdcEvent } from '../plugins/tdc/monitor/events'

const COPY = { mid: 'T.1.tdc1', intake: 'a@scan.example', dcid: 1 }
const RESPONSE = { status: '5.3.0', meaning: 'x', code: '550', detail: 'x' }
const ENQUEUED: TdcEvent = { kind: 'enqueued', ...COPY, messageId: '', inDoubt: false }
const LOADED: TdcEvent = { kind: 'loaded', ...COPY }

/** `active delivered softBounced hardBounced tlsErrors expired`, as one text. */
function counted(...events: TdcEvent[]): string {
  const counters = new Counters()
  for (const event of events) counters.count(event)
  const { total, intakes } = counters.value()
  assert.deepEqual(intakes.get(COPY.intake), total)
  return Object.values(total).join(' ')
}

describe('the counters', () => {
  const table: [string, TdcEvent[], string][] = [
    ['enqueued', [ENQUEUED], '1 0 0 0 0 0'],
    ['found in the queue', [LOADED], '1 0 0 0 0 0'],
    ['delivered', [ENQUEUED, { kind: 'delivered', ...COPY, response: '' }], '0 1 0 0 0 0'],
    [
      'deferred, then delivered',
      [
        ENQUEUED,
        { kind: 'deferred', ...COPY, response: RESPONSE, retry: 1, retries: 1, seconds: 30 },
        { kind: 'delivered', ...COPY, response: '' },
      ],
      '0 1 1 0 0 0',
    ],
    [
      'hard bounced',
      [ENQUEUED, { kind: 'hard-bounced', ...COPY, response: RESPONSE }],
      '0 0 0 1 0 0',
    ],
    ['TLS error', [ENQUEUED, { kind: 'tls-error', ...COPY, why: 'x' }], '0 0 0 1 1 0'],
    [
      'expired',
      [ENQUEUED, { kind: 'expired', ...COPY, seconds: 120, response: RESPONSE }],
      '0 0 0 1 0 1',
    ],
    ['taken away by somebody', [LOADED, { kind: 'vanished', ...COPY }], '0 0 0 0 0 0'],
  ]
  for (const [story, events, expected] of table) {
    it(story, () => assert.equal(counted(...events), expected))
  }

  it('add up over intakes, and count what got no copy by its reason', () => {
    const counters = new Counters()
    counters.count(ENQUEUED)
    counters.count({ ...ENQUEUED, intake: 'b@scan.example', inDoubt: true })
    counters.count({ kind: 'withdrawn', mid: 'T.2.tdc1', why: 'x' })
    const skipped = { transaction: 'T.3', sender: '', recipients: 2 }
    counters.count({ kind: 'skipped', ...skipped, reason: { token: 'outgoing' } })
    counters.count({ kind: 'skipped', ...skipped, reason: { token: 'quarantined' } })
    counters.count({ kind: 'skipped', ...skipped, reason: { token: 'outgoing' } })
    const missed = { transaction: 'T.4', intake: 'a@scan.example', why: 'x' }
    counters.count({ kind: 'journal-failed', ...missed, policy: 'accept' })
    const value = counters.value()
    assert.equal(value.total.active, 2)
    assert.deepEqual([...value.intakes.keys()], ['a@scan.example', 'b@scan.example'])
    assert.deepEqual([value.skipped.outgoing, value.skipped.quarantined], [2, 1])
    assert.deepEqual([value.inDoubt, value.withdrawn, value.journalFailed], [1, 1, 1])
  })

  it('are bounded: a queue of invented intakes does not fill memory', () => {
    const counters = new Counters()
    for (let i = 0; i < 5000; i++) counters.count({ ...LOADED, intake: `i${i}@scan.example` })
    const { intakes, total } = counters.value()
    assert.equal(intakes.size, 1001)
    assert.deepEqual([intakes.get('others')?.active, total.active], [4000, 5000])
  })
})
