import assert from 'node:assert/strict'
import type { Attempted, TdcEvent } from '../plugins/tdc/monitor/events'
import { linesOf } from '../plugins/tdc/monitor/lines'
import { safeText } from '../plugins/tdc/monitor/safe-text'
import { Dice } from './support/dice'

const SERVICE = 'Cisco Secure Email Threat Defense'
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

describe('values from outside in log lines', () => {
  const table: [string, string, string][] = [
    ['plain text', '<a@b.example>', '<a@b.example>'],
    ['line ends', 'a\r\nTDC: MID 1 forged', 'a  TDC: MID 1 forged'],
    ['terminal escapes', 'a\u001b[2Jb\u009b1mc', 'a [2Jb 1mc'],
    ['line separators', 'a\u2028b\u2029c', 'a b c'],
    ['bidi controls', 'a\u202ebc\u2066d\u061ce', 'a bc d e'],
    ['NUL, DEL and NEL', 'a\u0000b\u007fc\u0085d', 'a b c d'],
    ['other scripts stay', 'Ωmega 漢字 😀', 'Ωmega 漢字 😀'],
    ['half a pair', 'a\ud800b\udc00c', 'a\ufffdb\ufffdc'],
  ]
  for (const [story, value, safe] of table) {
    it(story, () => assert.equal(safeText(value), safe))
  }

  it('are cut at 256 characters', () => {
    assert.equal(safeText('x'.repeat(10_000)).length, 256)
    assert.equal(safeText('x'.repeat(255) + '😀'), 'x'.repeat(255) + '\ufffd')
  })

  it('cannot begin a line of their own, in any event', () => {
    const dice = Dice.thrown('log lines')
    for (let i = 0; i < 2000; i++) {
      const value = dice.octets(40).toString(i % 2 ? 'latin1' : 'utf8')
      for (const event of eventsWith(value)) {
        for (const { text } of linesOf(event, SERVICE)) {
          assert.doesNotMatch(text, UNSAFE, JSON.stringify(event))
        }
      }
    }
  })
})

/** One event for each place where a value from outside can stand. */
function eventsWith(value: string): TdcEvent[] {
  const response = { status: '5.3.0', meaning: 'x', code: '550', detail: value }
  const copy: Attempted = {
    mid: 'T.1.tdc1',
    intake: value,
    messageId: value,
    dcid: 1,
    age: 120_000,
    attempts: 1,
  }
  const reason = 'validation-failure'
  const failed = { ...copy, failure: 'reply' as const, response }
  return [
    {
      kind: 'skipped',
      transaction: 'T.1',
      sender: value,
      recipients: 1,
      reason: { token: 'outgoing' },
    },
    { kind: 'enqueued', mid: 'T.1.tdc1', messageId: value, intake: value, inDoubt: true },
    { kind: 'journal-failed', transaction: 'T.1', intake: value, policy: 'accept', why: value },
    { kind: 'damaged', file: value, why: value },
    { kind: 'dns-error', domain: value, result: 'NXDomain' },
    { kind: 'tls-failed', dcid: 1, host: value, remote: '::1', reason, text: value },
    {
      kind: 'tls-success',
      dcid: 1,
      domain: value,
      host: value,
      protocol: 'TLSv1.3',
      cipher: 'x',
      sni: value,
      authorized: false,
      issuer: value,
      fingerprint: value,
      certificateEnd: NaN,
      policy: [],
    },
    { kind: 'certificate-ends', domain: value, host: value, certificateEnd: Infinity, days: 1 },
    { kind: 'sts-policy', domain: value, mode: 'enforce', mx: [value, value], seconds: 1 },
    { kind: 'sts-failed', domain: value, reason, text: value, kept: false },
    { kind: 'sts-testing', dcid: 1, domain: value, host: value, reason, text: value },
    { kind: 'delivered', ...copy, response: value },
    { kind: 'tls-error', ...copy, response },
    { kind: 'hard-bounced', ...failed },
    { kind: 'deferred', ...failed, retry: 1, retries: 1, seconds: 30 },
    { kind: 'expired', ...copy, response },
    { kind: 'dropped', mid: value, intake: value },
    { kind: 'held', domain: value, copies: 1 },
    { kind: 'released', domain: value, copies: 2 },
    { kind: 'hold-not-stored', why: value },
    { kind: 'holds-unreadable', why: value },
    { kind: 'not-dropped', mid: value, why: value },
    { kind: 'not-kept', mid: value, why: value },
    { kind: 'not-replayed', mid: value, why: value },
    {
      kind: 'replayed',
      mid: value,
      messageId: value,
      intake: value,
      givenUpAt: 0,
      reason: 'expired',
    },
    { kind: 'kept-dropped', mid: value, why: 'keep_age' },
    { kind: 'adopted', mid: value, messageId: value, intake: value, from: value },
    { kind: 'not-adopted', file: value, why: value },
    { kind: 'problem', text: value },
  ]
}
