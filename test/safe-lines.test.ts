import assert from 'node:assert/strict'
import type { Attempted, TdcEvent } from '../plugins/tdc/monitor/events'
import { linesOf, trackText } from '../plugins/tdc/monitor/lines'
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

  it('cannot begin a line of their own, in any event, nor in tracking', () => {
    const dice = Dice.thrown('log lines')
    for (let i = 0; i < 2000; i++) {
      const value = dice.octets(40).toString(i % 2 ? 'latin1' : 'utf8')
      for (const event of eventsWith(value)) {
        const texts = linesOf(event, SERVICE).map(({ text }) => text)
        for (const text of [...texts, trackText(event, SERVICE)]) {
          assert.doesNotMatch(text, UNSAFE, JSON.stringify(event))
        }
      }
    }
  })
})

/** An event of every kind, with `value` in each place where one from outside can stand. */
function eventsWith(value: string): TdcEvent[] {
  const [mid, intake, why, dcid] = [value, value, value, 1]
  const response = { status: '5.3.0', meaning: 'x', code: '550', detail: value }
  const copy: Attempted = { mid, intake, messageId: value, dcid, age: 120_000, attempts: 1 }
  const failed = { ...copy, failure: 'reply', response } as const
  const ours = { mid: 'T.1.tdc1', transaction: 'T.1' }
  const [local, remote, port] = ['::1', '::1', 25]
  const reason = 'validation-failure'
  const told = { intake, recipients: 1, policies: [value] }
  const author = { author: value, values: [{ section: value, key: value, after: value }] }
  const tls = {
    protocol: 'TLSv1.3',
    cipher: 'x',
    sni: value,
    authorized: false,
    issuer: value,
    fingerprint: value,
    certificateEnd: NaN,
    policy: [],
  }
  // By its type it leaves none out.
  const facts: { [K in TdcEvent['kind']]: Omit<Extract<TdcEvent, { kind: K }>, 'kind'> } = {
    decided: {
      transaction: ours.transaction,
      messageId: value,
      sender: value,
      recipients: [value],
      routes: [told],
    },
    skipped: {
      transaction: ours.transaction,
      sender: value,
      recipients: 1,
      reason: { token: 'policy-no', policies: [value] },
    },
    prepared: { mid: ours.mid, intake, size: 1 },
    enqueued: { mid: ours.mid, messageId: value, intake, inDoubt: true },
    loaded: { mid, intake },
    withdrawn: { mid: ours.mid, why: 'the original was rejected' },
    'journal-failed': { transaction: ours.transaction, intake, policy: 'accept', why },
    damaged: { file: value, why },
    vanished: { mid, intake },
    unremovable: { mid, file: value, why },
    dropped: { mid, intake },
    held: { domain: value, copies: 1 },
    released: { domain: value, copies: 2 },
    'hold-not-stored': { why },
    'holds-unreadable': { why },
    kept: { mid, intake },
    'not-kept': { mid, why },
    'kept-dropped': { mid, why: 'keep_age' },
    'not-dropped': { mid, why },
    replayed: { mid, messageId: value, intake, givenUpAt: 0, reason: 'expired' },
    'not-replayed': { mid, why },
    adopted: { mid, messageId: value, intake, from: value },
    'not-adopted': { file: value, why },
    'dns-error': { domain: value, result: 'Private', why },
    connected: { dcid, local, remote, port },
    'tls-success': { dcid, domain: value, host: value, ...tls },
    'tls-failed': { dcid, host: value, remote, reason, text: value },
    'certificate-ends': { domain: value, host: value, certificateEnd: Infinity, days: 1 },
    'sts-policy': { domain: value, mode: 'enforce', mx: [value, value], seconds: 1 },
    'sts-failed': { domain: value, reason, text: value, kept: false },
    'sts-testing': { dcid, domain: value, host: value, reason, text: value },
    'connection-error': { dcid, remote, port, details: 'reset', local, reason: value },
    'delivery-start': { dcid, mid },
    delivered: { ...copy, response: value },
    deferred: { ...failed, retry: 1, retries: 1, seconds: 30 },
    'tls-error': { ...copy, response },
    'hard-bounced': failed,
    expired: { ...copy, response },
    effective: { text: value },
    'shared-changed': { revision: 1, change: author },
    'shared-trouble': { trouble: 'away', revision: 1, why },
    'shared-well': { revision: 1 },
    'shared-restored': { revision: 1, why },
    'shared-not-stored': { revision: 1, why },
    'not-reported': { why },
    'reported-again': {},
    problem: { text: value },
    warning: { text: value },
  }
  return Object.entries(facts).map(([kind, fact]) => ({ kind, ...fact }) as TdcEvent)
}
