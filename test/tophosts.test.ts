import assert from 'node:assert/strict'
import { table } from '../plugins/tdc/cli/terminal'
import { durationText } from '../plugins/tdc/cli/moments'
import { tophostsText } from '../plugins/tdc/cli/tophosts-command'
import type { DomainStatus } from '../plugins/tdc/monitor/status'
import { figures, statusOf } from './support/empty-status'

const DOMAIN: DomainStatus = {
  waiting: 0,
  inFlight: 0,
  connecting: 1,
  idle: 0,
  busy: 2,
  closing: 4,
  lastAttempt: 'down',
  lastAttemptAt: 1,
  limits: { connections: null, messages: null, perSecond: null },
  tls: { sessions: {}, satisfied: {}, results: {}, certificateEnd: null },
}

describe('tophosts', () => {
  const zone = process.env['TZ']
  before(() => (process.env['TZ'] = 'America/Chicago'))
  after(() => {
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  })

  it('has the columns of the appliance', () => {
    const queue = figures({ active: 1, delivered: 104_163 })
    assert.deepEqual(tophostsText(statusOf({ queue, takenAt: Date.UTC(2024, 1, 17, 1, 55, 34) })), [
      'Status as of:                Fri Feb 16 19:55:34 2024 CST',
      "Hosts marked with '*' were down as of the last delivery attempt.",
      '',
      '#   Recipient Host           Active  Conn.  Deliv.  Soft   Hard',
      '#   Recipient Host           Recip.  Out    Recip.  Bounced Bounced',
      '1   the.tdc.queue           1      0     104,163  0      0',
    ])
  })

  it('has the intakes under the queue, the fullest first, those that are down marked', () => {
    const intakes = {
      'idle@scan.example': { ...figures({}), domain: 'scan.example' },
      'a-rather-long-address@deep.scan.example': {
        ...figures({ active: 12_345_678, softBounced: 3 }),
        domain: 'deep.scan.example',
      },
    }
    const domains = { 'deep.scan.example': DOMAIN }
    const queue = figures({ active: 12_345_678, softBounced: 3 })
    assert.deepEqual(tophostsText(statusOf({ queue, intakes, domains })).slice(3), [
      '#   Recipient Host                           Active  Conn.  Deliv.  Soft   Hard',
      '#   Recipient Host                           Recip.  Out    Recip.  Bounced Bounced',
      '1*  the.tdc.queue                           12,345,678 3     0        3      0',
      '2*  a-rather-long-address@deep.scan.example 12,345,678 3     0        3      0',
      '3   idle@scan.example                       0      0     0        0      0',
    ])
  })
})

describe('a table', () => {
  it('is aligned, numbers to the right, without blanks at the end', () => {
    assert.deepEqual(
      table([
        ['MID', 'Age', 'What'],
        ['a', 5, ''],
        ['bcd', 1234, 'x'],
      ]),
      ['MID  Age   What', 'a       5', 'bcd  1234  x'],
    )
  })
})

describe('a duration', () => {
  const ROWS: [number, string][] = [
    [0, '0.0 s'],
    [1234, '1.2 s'],
    [59_400, '59 s'],
    [61_000, '1 min 1 s'],
    [3_600_000, '1 h 0 min'],
    [90_061_000, '1 d 1 h'],
  ]
  for (const [ms, text] of ROWS) it(`${ms} ms: ${text}`, () => assert.equal(durationText(ms), text))
})
