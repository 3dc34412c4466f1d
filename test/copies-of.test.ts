import assert from 'node:assert/strict'
import { Counters } from '../plugins/tdc/monitor/counters'
import { COMES_TO } from '../plugins/tdc/monitor/copies-of'
import type { Attempted, TdcEvent } from '../plugins/tdc/monitor/events'
import { ANY } from '../plugins/tdc/base/sought'
import { Tracking } from '../plugins/tdc/monitor/tracking'
import { Dice } from './support/dice'

const response = { status: '5.3.0', meaning: 'x', code: '550', detail: 'no bob@example.com here' }
const INTAKES = ['journal@a.example', 'journal@b.example']

/** What may come to a copy, each a story from its beginning on. */
const STORIES: readonly ((copy: Attempted) => TdcEvent[])[] = [
  (copy) => [{ kind: 'delivered', response: '250 ok', ...copy }],
  (copy) => [
    { kind: 'deferred', failure: 'reply', response, retry: 1, retries: 1, seconds: 30, ...copy },
    { kind: 'delivery-start', ...copy },
    { kind: 'expired', response, ...copy },
  ],
  (copy) => [{ kind: 'hard-bounced', failure: 'reply', response, ...copy }],
  (copy) => [{ kind: 'tls-error', response, ...copy }],
  (copy) => [
    { kind: 'hard-bounced', failure: 'reply', response, ...copy },
    { kind: 'replayed', givenUpAt: 1, reason: 'hard-bounce', ...copy },
  ],
  (copy) => [{ kind: 'dropped', ...copy }],
  () => [],
]

describe('messages that a number counts', () => {
  it('are as many as it says, for each intake, whatever came to their other copies', async () => {
    const dice = Dice.thrown('messages')
    const [tracking, counters] = [new Tracking(() => 1_000), new Counters()]
    const note = (event: TdcEvent) => {
      tracking.note(event, 1, 'NAME')
      counters.count(event, 1)
    }
    for (let at = 0; at < 200; at++) {
      const transaction = `T${at}.1`
      const routes = INTAKES.map((intake) => ({ intake, recipients: 1, policies: ['DEFAULT'] }))
      note({ kind: 'decided', transaction, messageId: '', sender: '', recipients: [], routes })
      for (const [index, intake] of INTAKES.entries()) {
        const mid = `${transaction}.tdc${index + 1}`
        const copy = { mid, intake, messageId: '<x@y>', dcid: 1, age: 1, attempts: 1 }
        note({ kind: 'prepared', mid, intake, size: 1 })
        note({ kind: 'enqueued', ...copy })
        for (const event of dice.pick(STORIES)(copy)) note(event)
      }
    }
    const { intakes } = counters.value(1)
    for (const intake of INTAKES) {
      for (const cameTo of COMES_TO) {
        const found = await tracking.find(undefined, { ...ANY, intake }, 1_000, false, cameTo)
        assert.equal(found.length, intakes[intake]?.[cameTo], `${intake} ${cameTo}`)
        assert.ok(found.length > 0)
      }
    }
  })

  it('are found, too, when the long story of a copy has lost its beginning', async () => {
    const tracking = new Tracking(() => 10)
    const note = (event: TdcEvent) => tracking.note(event, 1, 'NAME')
    const [intake = '', other = ''] = INTAKES
    const routes = [{ intake, recipients: 1, policies: ['DEFAULT'] }]
    note({ kind: 'decided', transaction: 'T.1', messageId: '', sender: '', recipients: [], routes })
    const copy = { mid: 'T.1.tdc1', intake, messageId: '<x@y>', dcid: 1, age: 1, attempts: 1 }
    note({ kind: 'enqueued', ...copy })
    const deferred = { kind: 'deferred', failure: 'reply', response, seconds: 30 } as const
    for (let retry = 1; retry <= 30; retry++) note({ ...deferred, retry, retries: 30, ...copy })
    const [message] = await tracking.find('T.1')
    assert.ok(message && !message.steps.some(({ kind }) => kind === 'enqueued'))
    const found = async (of: string) =>
      (await tracking.find(undefined, { ...ANY, intake: of }, 9, false, 'softBounced')).length
    assert.deepEqual([await found(intake), await found(other)], [1, 0])
  })
})
