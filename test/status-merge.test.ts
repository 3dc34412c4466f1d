import assert from 'node:assert/strict'
import { mergeStatus } from '../plugins/tdc/monitor/status'
import { MINUTES_KEPT, Minutes } from '../plugins/tdc/monitor/over-time'
import { Counters } from '../plugins/tdc/monitor/counters'
import type { DomainStatus } from '../plugins/tdc/monitor/status'
import { figures, statusOf, TAKEN_AT } from './support/empty-status'

const MINUTE = 60_000

function domain(given: Partial<DomainStatus>): DomainStatus {
  return {
    waiting: 0,
    inFlight: 0,
    connecting: 0,
    idle: 0,
    busy: 0,
    closing: 0,
    lastAttempt: 'unknown',
    lastAttemptAt: null,
    limits: { connections: null, messages: null, perSecond: null },
    tls: { sessions: {}, satisfied: {}, results: {}, certificateEnd: null },
    ...given,
  }
}

describe('the status of several processes', () => {
  it('of one is its own', () => {
    const one = statusOf({ queue: figures({ active: 3 }) })
    assert.deepEqual(mergeStatus([one]), one)
  })

  it('survives JSON: it is carried between processes', () => {
    const one = statusOf({ domains: { 'scan.example': domain({}) } })
    assert.deepEqual(JSON.parse(JSON.stringify(one)), one)
  })

  it('sums what is counted and has the latest of what is the last', () => {
    const failure = { class: 'dns', text: 'x' } as const
    const a = figures({
      active: 1,
      delivered: 10,
      failures: { reply: 1, tls: 0, network: 2, dns: 0, expired: 0 },
      oldestAgeMs: 5,
      lastSuccess: 100,
      lastFailure: { at: 1, ...failure },
    })
    const b = figures({
      active: 2,
      delivered: 20,
      failures: { reply: 3, tls: 1, network: 0, dns: 0, expired: 0 },
      oldestAgeMs: 9,
      lastSuccess: 50,
      lastFailure: { at: 2, ...failure },
    })
    const { queue } = mergeStatus([statusOf({ queue: a }), statusOf({ queue: b })])
    assert.deepEqual([queue.active, queue.delivered, queue.oldestAgeMs], [3, 30, 9])
    assert.deepEqual(queue.failures, { reply: 4, tls: 1, network: 2, dns: 0, expired: 0 })
    assert.deepEqual([queue.lastSuccess, queue.lastFailure?.at], [100, 2])
  })

  it('holds what any of them holds', () => {
    const all = [['b.example'], ['a.example', 'b.example'], []].map((holds) => statusOf({ holds }))
    const [first = statusOf({}), ...others] = all
    assert.deepEqual(mergeStatus([first, ...others]).holds, ['a.example', 'b.example'])
  })

  it('has an intake that only one of them knows, whatever its name', () => {
    const intakes = { constructor: { ...figures({ active: 7 }), domain: 'constructor' } }
    const merged = mergeStatus([statusOf({}), statusOf({ intakes })])
    assert.equal(merged.intakes['constructor']?.active, 7)
  })

  it('an intake is up or down as of the last attempt of all', () => {
    const up = domain({ lastAttempt: 'up', lastAttemptAt: 10, idle: 1 })
    const down = domain({ lastAttempt: 'down', lastAttemptAt: 20, connecting: 1 })
    const never = domain({})
    const all = [up, down, never].map((each) => statusOf({ domains: { 'scan.example': each } }))
    const { domains } = mergeStatus([statusOf({}), ...all])
    const { lastAttempt, lastAttemptAt, idle, connecting } = domains['scan.example'] ?? domain({})
    assert.deepEqual([lastAttempt, lastAttemptAt, idle, connecting], ['down', 20, 1, 1])
  })

  it('the certificate that ends first is the one to know of', () => {
    const ends = [300, null, 200].map((certificateEnd) =>
      statusOf({
        domains: {
          d: domain({
            tls: { sessions: { x: 1 }, satisfied: { config: 2 }, results: {}, certificateEnd },
          }),
        },
      }),
    )
    const { tls } = mergeStatus([statusOf({}), ...ends]).domains['d'] ?? domain({})
    assert.deepEqual([tls.certificateEnd, tls.sessions], [200, { x: 3 }])
  })

  it('is bounded: connections and errors of a hundred workers are cut', () => {
    const connections = Array.from({ length: 50 }, (_, i) => ({
      dcid: i,
      domain: 'd',
      remote: '',
      since: i,
      messages: 0,
      state: 'idle' as const,
      pid: 1,
    }))
    const errors = Array.from({ length: 20 }, (_, at) => ({
      at,
      kind: `kind ${at % 4}`,
      text: 'x',
      domain: null,
    }))
    const many = Array.from({ length: 100 }, () => statusOf({ connections, errors }))
    const merged = mergeStatus([statusOf({}), ...many])
    assert.deepEqual([merged.connections.length, merged.errors.length], [200, 20])
    assert.equal(merged.errors.at(-1)?.at, 19)
  })

  it('has no more than five errors of one kind, which would push out the others', () => {
    const errors = [
      { at: 1, kind: 'journal-failed', text: 'the disk', domain: null },
      ...Array.from({ length: 19 }, (_, i) => ({
        at: 2 + i,
        kind: 'deferred',
        text: 'x',
        domain: null,
      })),
    ]
    const merged = mergeStatus([statusOf({ errors }), statusOf({ errors })])
    assert.deepEqual(
      merged.errors.map(({ at }) => at),
      [1, 1, 18, 19, 19, 20, 20],
    )
  })

  it('adds the minutes up, each with its own', () => {
    const minute = (at: number, delivered: number) => ({ at, delivered, failed: 1, depth: 2 })
    const merged = mergeStatus([
      statusOf({ minutes: [minute(0, 1), minute(MINUTE, 2)] }),
      statusOf({ minutes: [minute(MINUTE, 5)] }),
    ])
    assert.deepEqual(merged.minutes, [
      { at: 0, delivered: 1, failed: 1, depth: 2 },
      { at: MINUTE, delivered: 7, failed: 2, depth: 4 },
    ])
  })
})

describe('the last hour', () => {
  const now = TAKEN_AT - (TAKEN_AT % MINUTE)

  it('counts by minute; a minute without events keeps the depth', () => {
    const minutes = new Minutes(now)
    minutes.deep(now, 4)
    minutes.delivered(now + 1)
    minutes.failed(now + 2 * MINUTE)
    assert.deepEqual(minutes.value(now + 2 * MINUTE), [
      { at: now, delivered: 1, failed: 0, depth: 4 },
      { at: now + MINUTE, delivered: 0, failed: 0, depth: 4 },
      { at: now + 2 * MINUTE, delivered: 0, failed: 1, depth: 4 },
    ])
  })

  it('forgets what is older, also after days in which nobody looked', () => {
    const minutes = new Minutes(now)
    minutes.delivered(now)
    const later = now + 3 * 24 * 60 * MINUTE
    const value = minutes.value(later)
    assert.equal(value.length, MINUTES_KEPT)
    assert.deepEqual([value[0]?.at, value.at(-1)?.at], [later - 59 * MINUTE, later])
    assert.equal(
      value.reduce((sum, { delivered }) => sum + delivered, 0),
      0,
    )
  })

  it('a clock that is set back loses nothing', () => {
    const minutes = new Minutes(now)
    minutes.delivered(now)
    minutes.delivered(now - 90 * MINUTE)
    assert.deepEqual(minutes.value(now), [{ at: now, delivered: 2, failed: 0, depth: 0 }])
  })
})

describe('the last failure of an intake', () => {
  it('has its moment, its class and its text, made safe', () => {
    const counters = new Counters()
    const response = { status: '5.3.0', meaning: 'no', code: '550', detail: 'go\naway' }
    const attempted = {
      mid: 'T.1.tdc1',
      intake: 'a@b',
      messageId: '',
      dcid: 1,
      age: 1,
      attempts: 1,
    }
    counters.count({ kind: 'hard-bounced', ...attempted, failure: 'reply', response }, TAKEN_AT)
    assert.deepEqual(counters.value(0).intakes['a@b']?.lastFailure, {
      at: TAKEN_AT,
      class: 'reply',
      text: "5.3.0 - no ('550', ['go away'])",
    })
  })
})
