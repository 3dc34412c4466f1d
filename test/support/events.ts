import type { Attempted, TdcEvent } from '../../plugins/tdc/monitor/events'

/** An event of every kind, with `value` in each place where one from outside can stand. */
export function eventsWith(value: string): TdcEvent[] {
  const [mid, intake, why, dcid] = [value, value, value, 1]
  const response = { status: '5.3.0', meaning: 'x', code: '550', detail: value }
  const tooOld = {
    status: '5.4.7',
    meaning: 'Delivery expired (message too old)',
    code: '000',
    detail: value,
  }
  const copy: Attempted = { mid, intake, messageId: value, dcid, age: 120_000, attempts: 1 }
  const failed = { ...copy, failure: 'reply', response } as const
  const ours = { mid: 'T.1.tdc1', transaction: 'T.1' }
  const [local, remote, port] = ['::1', '::1', 25]
  const reason = 'validation-failure'
  const told = { intake, recipients: 1, policies: [value] }
  const author = {
    author: `${value}@${value}`,
    values: [{ section: value, key: value, after: value }],
  }
  const tls = {
    protocol: 'TLSv1.3',
    cipher: 'x',
    group: undefined,
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
      recipients: 2,
      reason: { token: 'policy-no', policies: [value] },
    },
    prepared: { mid: ours.mid, intake, size: 1 },
    'original-refused': { transaction: ours.transaction, sender: value },
    normalized: { mid: ours.mid },
    enqueued: { mid: ours.mid, messageId: value, intake, doubt: 'some' },
    loaded: { mid, intake },
    'token-refused': { transaction: ours.mid, why: value },
    withdrawn: { mid: ours.mid, why: 'the original was rejected' },
    'journal-failed': { transaction: ours.transaction, intake, policy: 'accept', why },
    damaged: { file: value, why },
    vanished: { mid, intake },
    unremovable: { mid, file: value, why },
    dropped: { mid, intake },
    held: { domain: value, copies: 2 },
    released: { domain: value, copies: 2 },
    'hold-not-stored': { why },
    'holds-unreadable': { why },
    kept: { mid, intake },
    'not-kept': { mid, why },
    'kept-dropped': { mid, why: 'keep_age' },
    'not-dropped': { mid, why },
    replayed: { mid, messageId: value, intake, givenUpAt: 0, reason: 'expired' },
    'not-replayed': { mid, why },
    'kept-for-others': { intakes: [intake], copies: 2 },
    adopted: { mid, messageId: value, intake, from: value },
    'not-adopted': { file: value, why },
    'dns-error': { domain: value, result: 'Private', why },
    connected: { dcid, local, remote, port },
    'tls-success': { dcid, domain: value, host: value, ...tls },
    'tls-failed': { dcid, host: value, remote, reason, text: value },
    'certificate-wanted': { dcid, domain: value, host: value, said: value },
    'certificate-ends': { domain: value, host: value, certificateEnd: Infinity, days: 2 },
    'sts-policy': { domain: value, mode: 'enforce', mx: [value, value], seconds: 1 },
    'sts-failed': { domain: value, reason, text: value, kept: false },
    'sts-testing': { dcid, domain: value, host: value, reason, text: value },
    refused: { what: 'messages', domain: value, remote, port, count: 2, reply: value },
    'out-of-descriptors': { count: 2, most: 64 },
    'connection-error': { dcid, remote, port, details: 'reset', local, reason: value },
    'delivery-start': { dcid, mid },
    delivered: { ...copy, response: value },
    deferred: { ...failed, retry: 1, retries: 1, seconds: 30 },
    'fell-back': { ...copy, response },
    'tls-error': { ...copy, response },
    'hard-bounced': failed,
    expired: { ...copy, response: tooOld },
    effective: { text: value },
    'settings-changed': { what: value },
    'shared-changed': { revision: 1, change: author },
    'shared-trouble': { trouble: 'away', revision: 1, why },
    'shared-well': { revision: 1 },
    'shared-restored': { revision: 1, why },
    'shared-not-stored': { revision: 1, why },
    'not-reported': { why },
    'reported-again': {},
    problem: { text: value },
    trouble: { text: 'scan.example refusing: 5 by its reply' },
    'trouble-over': { what: 'scan.example refusing', seconds: 80 },
    'queue-away': { why },
    'queue-back': { seconds: 3 },
    warning: { text: value },
  }
  return Object.entries(facts).map(([kind, fact]) => ({ kind, ...fact }) as TdcEvent)
}
