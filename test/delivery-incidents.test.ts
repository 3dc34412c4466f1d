import assert from 'node:assert/strict'
import type { Session } from '../plugins/tdc/smtp/session'
import type { Script } from './support/fault-script'
import { IntakeLink, outgoing, TIMEOUTS } from './support/intake-link'
import { within } from './support/within'

/** Longer than one piece, so that it is still being written when the intake has heard enough. */
const LONG = `Subject: long\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(28_000)}`

/** What went wrong in outbound pools that Haraka had, by issue number, on real sockets. */
describe('delivery: incidents of earlier pools', () => {
  it('Haraka#1852: a refused message is not over before its RSET was answered', async () => {
    const { link, session } = await talk([
      { on: 'RCPT', reply: '450 4.2.1 Later' },
      { on: 'RSET', then: 'stall' },
    ])
    let isOver = false
    const sending = session.send(outgoing()).finally(() => (isOver = true))
    await link.server.until('RSET')
    await link.clock.settle()
    assert.equal(isOver, false)
    await link.clock.advance(TIMEOUTS.command)
    assert.equal((await sending).reusable, false)
    await link.close()
  })

  for (const [issue, how, then] of [
    ['Haraka#1551', 'a reset', 'reset'],
    ['Haraka#2602', 'a FIN', 'drop'],
  ] as const) {
    it(`${issue}: ${how} while idle ends the session and nothing else`, async () => {
      const { link, session } = await talk([{ on: 'BODY', reply: '250 2.0.0 Ok', then }])
      const closed = new Promise<void>((resolve) => session.onClose(resolve))
      assert.equal((await session.send(outgoing())).outcome.kind, 'delivered')
      await within(5_000, 'the session hears of it', closed)
      const { outcome, fault } = await session.send(outgoing())
      assert.deepEqual(
        [outcome.kind, fault],
        ['failed', 'connection'],
        'the next one goes elsewhere',
      )
      await link.close()
    })
  }

  it('Haraka#1570: a timeout and an error together end a message once', async () => {
    const { link, session } = await talk([{ on: 'BODY', then: 'stall' }])
    let closes = 0
    session.onClose(() => (closes += 1))
    const sending = session.send(outgoing())
    await link.server.until('BODY')
    await link.clock.advance(TIMEOUTS.final)
    session.destroy()
    const { outcome } = await sending
    assert(outcome.kind === 'failed' && outcome.failure.kind === 'network', outcome.kind)
    assert.deepEqual([outcome.failure.details, closes], ['timeout', 1])
    assert.equal(link.kinds().filter((kind) => kind === 'connection-error').length, 1)
    await link.close()
  })

  for (const on of ['DATA', 'CONTENT'] as const) {
    it(`Haraka#1611, #2222: 421 and FIN at ${on}: no write after it, the next one is not hurt`, async () => {
      const { link, session } = await talk([{ on, reply: '421 4.3.2 Bye', then: 'drop' }])
      const first = await within(10_000, 'the first one', session.send(outgoing({ body: LONG })))
      assert(first.outcome.kind === 'failed', first.outcome.kind)
      assert.equal(first.reusable, false)
      link.server.script = []
      const next = await link.session()
      assert.equal((await next.send(outgoing())).outcome.kind, 'delivered')
      next.destroy()
      await link.close()
    })
  }
})

async function talk(script: Script): Promise<{ link: IntakeLink; session: Session }> {
  const link = await IntakeLink.start({ script })
  return { link, session: await link.session() }
}
