import assert from 'node:assert/strict'
import { Counters } from '../plugins/tdc/monitor/counters'
import type { Attempted, TdcEvent } from '../plugins/tdc/monitor/events'

const COPY: Attempted = {
  mid: 'T.1.tdc1',
  intake: 'a@scan.example',
  messageId: '<1@example>',
  dcid: 1,
  age: 1500,
  attempts: 1,
}
const NOW = 1_700_000_000_000
const RESPONSE = { status: '5.3.0', meaning: 'x', code: '550', detail: 'x' }
const ENQUEUED: TdcEvent = { kind: 'enqueued', ...COPY }
const LOADED: TdcEvent = { kind: 'loaded', ...COPY }

/** `active delivered softBounced hardBounced tlsErrors expired`, as one text. */
function counted(...events: TdcEvent[]): string {
  const counters = new Counters()
  for (const event of events) counters.count(event, NOW)
  const { queue, intakes } = counters.value(NOW)
  assert.deepEqual(intakes[COPY.intake], queue)
  const { active, delivered, softBounced, hardBounced, tlsErrors, expired } = queue
  return [active, delivered, softBounced, hardBounced, tlsErrors, expired].join(' ')
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
        {
          kind: 'deferred',
          ...COPY,
          failure: 'reply',
          response: RESPONSE,
          retry: 1,
          retries: 1,
          seconds: 30,
        },
        { kind: 'delivered', ...COPY, response: '' },
      ],
      '0 1 1 0 0 0',
    ],
    [
      'hard bounced',
      [ENQUEUED, { kind: 'hard-bounced', ...COPY, failure: 'dns', response: RESPONSE }],
      '0 0 0 1 0 0',
    ],
    ['TLS error', [ENQUEUED, { kind: 'tls-error', ...COPY, response: RESPONSE }], '0 0 0 1 1 0'],
    ['expired', [ENQUEUED, { kind: 'expired', ...COPY, response: RESPONSE }], '0 0 0 1 0 1'],
    ['dropped by hand', [LOADED, { kind: 'dropped', ...COPY }], '0 0 0 0 0 0'],
    [
      'expired, kept, replayed and delivered',
      [
        ENQUEUED,
        { kind: 'expired', ...COPY, response: RESPONSE },
        { kind: 'kept', ...COPY },
        { kind: 'replayed', ...COPY, givenUpAt: 0, reason: 'expired' },
        { kind: 'delivered', ...COPY, response: '' },
      ],
      '0 1 0 1 0 1',
    ],
    ['taken away by somebody', [LOADED, { kind: 'vanished', ...COPY }], '0 0 0 0 0 0'],
  ]
  for (const [story, events, expected] of table) {
    it(story, () => assert.equal(counted(...events), expected))
  }

  it('add up over intakes, and count what got no copy by its reason', () => {
    const counters = new Counters()
    counters.count(ENQUEUED, NOW)
    counters.count({ ...ENQUEUED, intake: 'b@scan.example', doubt: 'unknown' }, NOW)
    counters.count({ kind: 'withdrawn', mid: 'T.2.tdc1', why: 'x' }, NOW)
    const skipped = { transaction: 'T.3', sender: '', recipients: 2 }
    counters.count({ kind: 'skipped', ...skipped, reason: { token: 'outgoing' } }, NOW)
    counters.count({ kind: 'skipped', ...skipped, reason: { token: 'quarantined' } }, NOW)
    counters.count({ kind: 'skipped', ...skipped, reason: { token: 'outgoing' } }, NOW)
    const missed = { transaction: 'T.4', intake: 'a@scan.example', why: 'x' }
    counters.count({ kind: 'journal-failed', ...missed, policy: 'accept' }, NOW)
    const value = counters.value(NOW)
    assert.equal(value.queue.active, 2)
    assert.deepEqual(Object.keys(value.intakes), ['a@scan.example', 'b@scan.example'])
    assert.deepEqual([value.skipped.outgoing, value.skipped.quarantined], [2, 1])
    assert.deepEqual([value.inDoubt, value.withdrawn, value.journalFailed], [1, 1, 1])
  })

  it('count what was kept, dropped and replayed', () => {
    const counters = new Counters()
    const events: TdcEvent[] = [
      { kind: 'kept', ...COPY },
      { kind: 'kept', ...COPY },
      { kind: 'kept-dropped', mid: COPY.mid, why: 'keep_age' },
      { kind: 'replayed', ...COPY, givenUpAt: 0, reason: 'expired' },
      { kind: 'dropped', ...COPY },
    ]
    for (const event of events) counters.count(event, NOW)
    counters.count({ kind: 'not-kept', mid: 'T.4.tdc1', why: 'ENOSPC' }, NOW)
    counters.count({ kind: 'damaged', file: 'a_tdc', why: 'it is cut off' }, NOW)
    const { kept, notKept, keptDropped, replayed, dropped, damaged } = counters.value(NOW)
    assert.deepEqual([kept, notKept, keptDropped, replayed, dropped, damaged], [2, 1, 1, 1, 1, 1])
  })

  it('are bounded: a queue of invented intakes does not fill memory', () => {
    const counters = new Counters()
    for (let i = 0; i < 5000; i++) counters.count({ ...LOADED, intake: `i${i}@scan.example` }, NOW)
    const { intakes, queue } = counters.value(NOW)
    assert.equal(Object.keys(intakes).length, 1001)
    assert.deepEqual([intakes['others']?.active, queue.active], [4000, 5000])
  })
})
