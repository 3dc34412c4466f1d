import assert from 'node:assert/strict'
import { statusText } from '../plugins/tdc/cli/status-command'
import { statusOf, TAKEN_AT } from './support/empty-status'
import { statusWith } from './support/status'

describe('haraka-tdc status', () => {
  it('of a server that has done nothing yet', () => {
    assert.deepEqual(statusText(statusOf({})), [
      'State         ok',
      'Connector     enabled (cluster)',
      'Intake        journal@scan.example (cluster)',
      'Service       Cisco Secure Email Threat Defense',
      'Versions      haraka-plugin-tdc 1.0.0, Haraka 3.3.4, Node v20.20.2',
      'Processes     1 (pid 100), up for 1 min 30 s',
      'In the queue  0',
      '  of these    0 wait for a retry, 0 are held, 0 wait for their original',
      'Delivered     0',
      'Soft bounced  0 attempts',
      'Hard bounced  0 (0 TLS errors, 0 expired)',
      'Kept          0 for a replay',
      'Last failure  none',
      'Not copied    0',
      'Copies        0 not written, 0 withdrawn, 0 sent in doubt, 0 kept, 0 replayed',
    ])
  })

  it('names what is wrong, the last', () => {
    const silent = [{ worker: 2, pid: 77 }]
    const errors = [{ at: TAKEN_AT, kind: 'problem', text: 'TDC: x', domain: null }]
    const text = statusText(statusWith({ silent, errors })).join('\n')
    assert.match(text, /^ {2}by age {6}1 <= 1 s, 2 <= 5 s, .*, 0 > 120 s$/m)
    assert.match(text, /^Not copied {4}outgoing \(5\), quarantined \(1\), policy-no \(2\)$/m)
    assert.match(text, /^scan\.example is failing: not reached, last at /m)
    assert.match(text, /^Settings refused:\n {2}tdc\.ini \[formats\] /m)
    assert.match(text, /^Did not answer, and are missing here:\n {2}worker 2 \(pid 77\)$/m)
    assert.match(text, /Last errors:\n {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}TDC: x$/)
  })

  const HELD: [readonly string[], string][] = [
    [['scan.example'], 'scan.example'],
    [['all', 'scan.example'], 'all intakes'],
  ]
  for (const [holds, what] of HELD) {
    it(`says that ${what} ${holds.length > 1 ? 'are' : 'is'} held, also with nothing in the queue`, () => {
      const line = `Held          ${what}: nothing is sent there until haraka-tdc release`
      assert(statusText(statusOf({ holds })).includes(line))
    })
  }
})
