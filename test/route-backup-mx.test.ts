import assert from 'node:assert/strict'
import { OPEN_TIMEOUT } from '../plugins/tdc/delivery/pool-options'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import { startBlackHole } from './support/black-hole'
import { IntakeLink, TIMEOUTS } from './support/intake-link'
import { within } from './support/within'

describe('delivery: an intake behind addresses that do not answer', () => {
  it('is reached within one opening', async function () {
    const link = await IntakeLink.start({}, (port) => ({
      route: undefined,
      port,
      timeouts: { ...TIMEOUTS, connect: 30_000 },
      lookup: {
        mx: async () => [{ exchange: 'mx.example.com', priority: 10 }],
        addresses: async () => ['127.0.0.2', '127.0.0.3', '127.0.0.1'],
        system: () => Promise.reject(new Error('not asked')),
      },
    }))
    const { port } = link.server
    const silent = [
      await startBlackHole({ host: '127.0.0.2', port }),
      await startBlackHole({ host: '127.0.0.3', port }),
    ]
    // Where the system takes the connections all the same, there is nothing to wait for.
    const details = silent.every(({ works }) => works) ? 'timeout' : undefined
    const began = link.clock.monotonic()
    const tried = () => link.events.filter(isAttempt).map(describeAttempt)
    const opening = link.open()
    await within(10_000, 'the third address', pass())
    assert.ok(tried().at(-1)?.startsWith('127.0.0.1 '), `reached: ${tried().join(', ')}`)
    if (details) {
      assert.deepEqual(tried(), ['127.0.0.2 timeout', '127.0.0.3 timeout', '127.0.0.1 connected'])
      assert.ok(link.clock.monotonic() - began < OPEN_TIMEOUT, 'in time')
    }
    link.giveUp.abort()
    await opening
    await Promise.all([link.close(), ...silent.map((hole) => hole.close())])

    /** Time passes until the last address was reached, or there is no more of it. */
    async function pass(): Promise<void> {
      while (!tried().some((one) => one.startsWith('127.0.0.1'))) {
        if (link.clock.monotonic() - began > OPEN_TIMEOUT) return
        await link.clock.advance(500)
      }
    }
  })
})

type AttemptEvent = Extract<TdcEvent, { kind: 'connected' | 'connection-error' }>

function isAttempt(event: TdcEvent): event is AttemptEvent {
  return event.kind === 'connected' || event.kind === 'connection-error'
}

function describeAttempt(event: AttemptEvent): string {
  return `${event.remote} ${event.kind === 'connected' ? 'connected' : event.details}`
}
