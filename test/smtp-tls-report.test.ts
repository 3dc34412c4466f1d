import assert from 'node:assert/strict'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import { linesOf } from '../plugins/tdc/monitor/lines'
import { Monitor } from '../plugins/tdc/monitor/monitor'
import { TLS_RESULTS, TlsCounters } from '../plugins/tdc/monitor/tls-counters'

const DAY = 86_400_000
const NOON = Date.UTC(2026, 0, 1, 12)

type Success = Extract<TdcEvent, { kind: 'tls-success' }>

const SUCCESS: Success = {
  kind: 'tls-success',
  dcid: 7,
  domain: 'scan.example',
  host: 'mx.scan.example',
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_128_GCM_SHA256',
  group: 'X25519MLKEM768',
  sni: 'mx.scan.example',
  authorized: true,
  issuer: 'CN=Root',
  fingerprint: 'aa',
  certificateEnd: NOON + 30 * DAY,
  policy: ['config', 'pin'],
}

describe('what is told of TLS', () => {
  it('one line as the appliance has it, and the rest at level debug', () => {
    assert.deepEqual(linesOf(SUCCESS, 'x'), [
      {
        level: 'info',
        text: 'DCID 7 TLS success protocol TLSv1.3 cipher TLS_AES_128_GCM_SHA256',
      },
      {
        level: 'debug',
        text:
          'TDC: DCID 7 TLS details host mx.scan.example sni mx.scan.example group X25519MLKEM768 ' +
          'authorized yes policy config,pin issuer CN=Root ends 2026-01-31T12:00:00Z sha256 aa',
      },
    ])
  })

  it('what a certificate says of its issuer cannot forge a line', () => {
    const [, details] = linesOf({ ...SUCCESS, issuer: 'CN=a\r\nTDC: forged\u2028' }, 'x')
    assert.match(details?.text ?? '', / issuer CN=a {2}TDC: forged +ends /)
  })

  it('failures are counted by their result type, all of which are there from the start', () => {
    const counters = new TlsCounters()
    assert.deepEqual(Object.keys(counters.value().results), [...TLS_RESULTS])
    const failed = { kind: 'tls-failed', dcid: 1, host: 'x', remote: '::1', text: 'x' } as const
    counters.count({ ...failed, reason: 'certificate-expired' })
    counters.count({ ...failed, reason: 'certificate-expired' })
    const sts = { domain: 'x', text: 'x', kept: false } as const
    counters.count({ kind: 'sts-failed', ...sts, reason: 'sts-webpki-invalid' })
    const testing = { dcid: 1, domain: 'x', host: 'x', text: 'x' } as const
    counters.count({ kind: 'sts-testing', ...testing, reason: 'validation-failure' })
    const counted = Object.entries(counters.value().results).filter(([, count]) => count > 0)
    assert.deepEqual(Object.fromEntries(counted), {
      'certificate-expired': 2,
      'sts-webpki-invalid': 1,
      'validation-failure': 1,
    })
  })

  it('sessions are counted by protocol and cipher; the end of the last certificate is kept', () => {
    const counters = new TlsCounters()
    assert.equal(counters.value().certificateEnd, null)
    const older = {
      protocol: 'TLSv1.2',
      cipher: 'ECDHE-RSA-AES128-GCM-SHA256',
      group: undefined,
    }
    counters.count({ ...SUCCESS, ...older, certificateEnd: NOON + DAY })
    counters.count(SUCCESS)
    counters.count(SUCCESS)
    const { sessions, certificateEnd } = counters.value()
    assert.deepEqual(sessions, {
      'TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256': 1,
      'TLSv1.3 TLS_AES_128_GCM_SHA256 X25519MLKEM768': 2,
    })
    assert.equal(certificateEnd, NOON + 30 * DAY)
  })

  it('the kinds of session that are counted are bounded', () => {
    const counters = new TlsCounters()
    for (let n = 0; n < 1000; n++) counters.count({ ...SUCCESS, cipher: `c${n}` })
    const { sessions } = counters.value()
    assert.deepEqual([Object.keys(sessions).length, sessions['others']], [51, 950])
  })
})

describe('a certificate that will end', () => {
  const told: string[] = []
  let now = NOON
  let monitor: Monitor
  beforeEach(() => {
    told.length = 0
    now = NOON
    const log = (level: string, text: string) => {
      if (level === 'warn') told.push(text)
    }
    monitor = new Monitor({ log, serviceName: () => 'x', now: () => now, tracked: () => 0 })
  })

  const table: readonly (readonly [days: number, said: string | undefined])[] = [
    [30, undefined],
    [14.01, undefined],
    [14, 'ends in 14 days, 2026-01-15T12:00:00Z'],
    [1.5, 'ends in 1 day, 2026-01-03T00:00:00Z'],
    [0.5, 'ends in 0 days, 2026-01-02T00:00:00Z'],
    [-1, 'has ended, 2025-12-31T12:00:00Z'],
    [Infinity, undefined],
  ]
  for (const [days, said] of table) {
    it(`in ${days} days: ${said ? 'a warning' : 'nothing'}`, () => {
      monitor.report({ ...SUCCESS, certificateEnd: NOON + days * DAY })
      const line = 'TDC: The certificate of mx.scan.example for the intake domain scan.example '
      assert.deepEqual(told, said ? [line + said] : [])
    })
  }

  it('is warned of once a day, whatever the number of connections', () => {
    const event = { ...SUCCESS, certificateEnd: NOON + 3 * DAY }
    for (let connection = 0; connection < 50; connection++) monitor.report(event)
    assert.equal(told.length, 1)
    monitor.report({ ...event, fingerprint: 'bb' })
    assert.equal(told.length, 2, 'another certificate has a line of its own')
    now += DAY
    for (let connection = 0; connection < 50; connection++) monitor.report(event)
    assert.equal(told.length, 3)
    assert.match(told.at(-1) ?? '', /ends in 2 days/)
  })
})
