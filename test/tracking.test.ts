import assert from 'node:assert/strict'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import { MOST_FOUND, RECIPIENTS_KEPT } from '../plugins/tdc/monitor/tracked'
import { Tracking } from '../plugins/tdc/monitor/tracking'

function decided(
  transaction: string,
  given: Partial<TdcEvent & { kind: 'decided' }> = {},
): TdcEvent {
  return {
    kind: 'decided',
    transaction,
    messageId: `<${transaction}@sender.example>`,
    sender: 'Ann@sender.example',
    recipients: ['bob@example.com'],
    routes: [{ intake: 'journal@scan.example', recipients: 1, policies: ['DEFAULT'] }],
    ...given,
  }
}

function note(tracking: Tracking, event: TdcEvent, at: number): void {
  tracking.note(event, at, 'NAME')
}

async function found(tracking: Tracking, wanted: string): Promise<string[]> {
  return (await tracking.find(wanted)).map(({ transaction }) => transaction)
}

describe('tracking', () => {
  let tracking: Tracking
  beforeEach(() => {
    tracking = new Tracking(() => 100)
    note(tracking, decided('T1.1'), 1)
    note(tracking, decided('T2.1', { sender: '', recipients: ['eve@example.com'] }), 2)
  })

  const WANTED: [string, string, string[]][] = [
    ['a transaction', 'T1.1', ['T1.1']],
    ['a MID', 'T1.1.tdc2', ['T1.1']],
    ['a Message-ID', '<T2.1@sender.example>', ['T2.1']],
    ['a Message-ID without brackets', 'T2.1@sender.example', ['T2.1']],
    ['a sender, in any case', 'ann@SENDER.example', ['T1.1']],
    ['a recipient', '<eve@example.com>', ['T2.1']],
    ['nothing, which is not the null sender', '', []],
    ['brackets around nothing', '<>', []],
    ['a part of an address', 'example.com', []],
  ]
  for (const [what, wanted, expected] of WANTED) {
    it(`finds by ${what}`, async () => {
      assert.deepEqual(await found(tracking, wanted), expected)
    })
  }

  it('tells what was decided and why, then each step of each copy with its time', async () => {
    const mid = 'T1.1.tdc1'
    const intake = 'journal@scan.example'
    note(tracking, { kind: 'prepared', mid, intake, size: 1234 }, 5)
    note(tracking, { kind: 'withdrawn', mid, why: 'the original was rejected' }, 6)
    const [message] = await tracking.find('T1.1')
    assert.deepEqual(message, {
      transaction: 'T1.1',
      at: 1,
      messageId: '<T1.1@sender.example>',
      sender: 'Ann@sender.example',
      recipients: ['bob@example.com'],
      recipientCount: 1,
      steps: [
        {
          at: 1,
          kind: 'decided',
          mid: null,
          text: 'copy to journal@scan.example for 1 recipient by policy DEFAULT',
        },
        {
          at: 5,
          kind: 'prepared',
          mid,
          text: 'copy of 1234 octets written for journal@scan.example',
        },
        { at: 6, kind: 'withdrawn', mid, text: `MID ${mid} withdrawn: the original was rejected` },
      ],
    })
  })

  it('a copy that was found in the queue has its Message-ID as soon as it is known', async () => {
    const mid = 'T9.1.tdc1'
    note(tracking, { kind: 'loaded', mid, intake: 'a@b' }, 1)
    const attempted = { mid, intake: 'a@b', messageId: '<old@x>', dcid: 1, age: 1, attempts: 1 }
    note(tracking, { kind: 'delivered', ...attempted, response: '250 ok' }, 2)
    assert.deepEqual(await found(tracking, 'old@x'), ['T9.1'])
    assert.equal((await tracking.find('T9.1'))[0]?.recipientCount, 0)
  })

  it('is bounded in messages, the oldest are forgotten; in steps, recipients and answers', async () => {
    const recipients = Array.from({ length: 500 }, (_, i) => `r${i}@example.com`)
    for (let i = 0; i < 1000; i++) note(tracking, decided(`N${i}.1`, { recipients }), i)
    assert.equal(tracking.size, 100)
    assert.deepEqual(await found(tracking, 'T1.1'), [])
    for (let i = 0; i < 100; i++) {
      note(tracking, { kind: 'withdrawn', mid: 'N999.1.tdc1', why: 'x' }, i)
    }
    const messages = await tracking.find('ann@sender.example')
    assert.equal(messages.length, MOST_FOUND)
    const [newest] = messages
    assert.equal(newest?.transaction, 'N999.1')
    assert.deepEqual([newest?.recipients.length, newest?.recipientCount], [RECIPIENTS_KEPT, 500])
    const steps = newest?.steps ?? []
    assert.ok(steps.length > 15 && steps.length < 40, `${steps.length} steps`)
    assert.deepEqual([steps[0]?.kind, steps.at(-1)?.at], ['decided', 99])
  })

  it('keeps nothing when that is set, and less after a reload', () => {
    let most = 0
    const some = new Tracking(() => most)
    note(some, decided('T1.1'), 1)
    assert.equal(some.size, 0)
    most = 50
    for (let i = 0; i < 60; i++) note(some, decided(`A${i}.1`), i)
    most = 10
    note(some, decided('B.1'), 1)
    assert.equal(some.size, 10)
  })
})
