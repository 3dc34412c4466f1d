import assert from 'node:assert/strict'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import { Monitor } from '../plugins/tdc/monitor/monitor'

const WITHDRAWN: TdcEvent = { kind: 'withdrawn', mid: 'T.1.tdc1', why: 'the message was rejected' }

function monitorWith(deps: { log?: (text: string) => void; serviceName?: () => string }): Monitor {
  const { log = () => {}, serviceName = () => 'x' } = deps
  return new Monitor({
    log: (_level, text) => log(text),
    serviceName,
    now: () => 0,
    tracked: () => 0,
  })
}

describe('a mistake in a report', () => {
  it('does not reach who reports, and has a line', () => {
    const lines: string[] = []
    const serviceName = () => assert.fail('no name')
    const monitor = monitorWith({ serviceName, log: (text) => lines.push(text) })
    monitor.report(WITHDRAWN)
    monitor.reportOf('scan.example')(WITHDRAWN)
    const line = 'TDC: mistake in a report: AssertionError [ERR_ASSERTION]: no name'
    assert.deepEqual(lines, [line, line])
  })

  it('also when it is the log that throws', () => {
    let tries = 0
    const monitor = monitorWith({
      log: () => {
        tries += 1
        throw new Error('no log')
      },
    })
    monitor.report(WITHDRAWN)
    assert.equal(tries, 2)
  })
})
