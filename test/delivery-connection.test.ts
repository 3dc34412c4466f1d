import assert from 'node:assert/strict'
import type { Clock } from '../plugins/tdc/clock'
import type { Session } from '../plugins/tdc/smtp/session'
import type { Fault, Script } from './support/fault-script'
import { IntakeLink, outgoing, TIMEOUTS } from './support/intake-link'

interface OpenRow {
  readonly what: string
  readonly script: Script
  /** Moves the clock when that step is met. */
  readonly wait?: readonly ['CONNECT' | 'EHLO' | 'EHLO2', number]
  readonly failure: object
  readonly events: readonly string[]
}

const CLOSED = { kind: 'network', details: 'closed', reason: 'connection closed by peer' }
const RESET = { kind: 'network', details: 'reset', reason: 'connection reset by peer' }
const TIMEOUT = { kind: 'network', details: 'timeout', reason: 'connection timed out' }
const NETWORK = ['connected', 'connection-error']
const NETWORK_IN_TLS = ['connected', 'tls-success', 'connection-error']

const OPEN_ROWS: readonly OpenRow[] = [
  ...(['421', '450', '554'] as const).map((code) => ({
    what: `${code} as greeting`,
    script: [{ on: 'CONNECT', reply: `${code} No` }] as const,
    failure: { kind: 'reply', command: 'CONNECT', reply: { code: Number(code), text: 'No' } },
    events: ['connected', 'refused'],
  })),
  ...(['421', '451', '503', '550'] as const).map((code) => ({
    what: `${code} to EHLO`,
    script: [{ on: 'EHLO', reply: `${code} No` }] as const,
    failure: { kind: 'reply', command: 'EHLO', reply: { code: Number(code), text: 'No' } },
    events: ['connected', 'refused'],
  })),
  ...(['250', '354'] as const).map((code) => ({
    what: `${code} as greeting`,
    script: [{ on: 'CONNECT', reply: `${code} Hi` }] as const,
    failure: {
      kind: 'network',
      details: 'protocol',
      reason: `unexpected reply ${code} to CONNECT`,
    },
    events: NETWORK,
  })),
  {
    what: 'a greeting of another protocol',
    script: [{ on: 'CONNECT', reply: 'SSH-2.0-OpenSSH_9.6' }],
    failure: {
      kind: 'network',
      details: 'protocol',
      reason: 'unreadable reply: a line has no reply code',
    },
    events: NETWORK,
  },
  {
    what: 'a reply before EHLO was said',
    script: [{ on: 'CONNECT', extra: '250 STARTTLS\r\n' }],
    failure: { kind: 'network', details: 'protocol', reason: 'a reply came before its command' },
    events: NETWORK,
  },
  {
    what: 'a reply before STARTTLS was said',
    script: [{ on: 'EHLO', extra: '220 Go\r\n' }],
    failure: { kind: 'network', details: 'protocol', reason: 'a reply came before its command' },
    events: NETWORK,
  },
  {
    what: 'an endless greeting',
    script: [{ on: 'CONNECT', then: 'endless-line' }],
    failure: {
      kind: 'network',
      details: 'protocol',
      reason: 'unreadable reply: a line is too long',
    },
    events: NETWORK,
  },
  {
    what: 'an endless EHLO reply in TLS',
    script: [{ on: 'EHLO2', then: 'endless-reply' }],
    failure: {
      kind: 'network',
      details: 'protocol',
      reason: 'unreadable reply: the reply has too many lines',
    },
    events: NETWORK_IN_TLS,
  },
  row('drop', 'CONNECT', CLOSED),
  row('drop', 'EHLO', CLOSED),
  row('reset', 'EHLO', RESET),
  row('drop', 'EHLO2', CLOSED),
  row('reset', 'EHLO2', RESET),
  { ...row('stall', 'CONNECT', TIMEOUT), wait: ['CONNECT', TIMEOUTS.greeting] },
  { ...row('stall', 'EHLO', TIMEOUT), wait: ['EHLO', TIMEOUTS.command] },
  { ...row('stall', 'EHLO2', TIMEOUT), wait: ['EHLO2', TIMEOUTS.command] },
]

describe('delivery: opening a connection', () => {
  for (const { what, script, wait, failure, events } of OPEN_ROWS) {
    it(what, async () => {
      const link = await IntakeLink.start({ script })
      const opening = link.open()
      if (wait) {
        await link.server.until(wait[0])
        await link.clock.advance(wait[1])
      }
      assert.deepEqual(await opening, { kind: 'failed', dcid: 1, failure })
      assert.deepEqual(link.kinds(), events)
      // What is refused is told at once, and again a minute later when there was more of it.
      if (events.includes('refused')) await link.clock.advance(60_000)
      assert.equal(link.clock.pending, 0, 'no timer is left')
      await link.server.connections[0]?.wire.closed
      await link.close()
    })
  }

  it('refused', async () => {
    const link = await IntakeLink.start()
    await link.close()
    const failure = { kind: 'network', details: 'refused', reason: 'connection refused' }
    assert.deepEqual(await link.open(), { kind: 'failed', dcid: 1, failure })
    assert.deepEqual(link.events, [
      {
        kind: 'connection-error',
        dcid: 1,
        remote: '127.0.0.1',
        port: link.options.port,
        details: 'refused',
        local: '0.0.0.0',
        reason: 'connection refused',
      },
    ])
  })

  it('a local address that is not ours', async () => {
    // 192.0.2.0/24 is for documentation (RFC 5737): binding to it fails on the machine itself.
    const link = await IntakeLink.start({}, { localAddress: '192.0.2.1' })
    const failure = {
      kind: 'network',
      details: 'unreachable',
      reason: 'local address not available',
    }
    assert.deepEqual(await link.open(), { kind: 'failed', dcid: 1, failure })
    await link.close()
  })

  it('a local address of the other family leaves no address', async () => {
    const link = await IntakeLink.start({}, { localAddress: '::1' })
    const opened = await link.open()
    assert(opened.kind === 'failed' && opened.failure.kind === 'network')
    assert.equal(opened.failure.details, 'unreachable')
    assert.equal(link.server.connections.length, 0)
    await link.close()
  })

  it('a TCP connection that never stands', async () => {
    // The timer of the connect phase is over before the network had its turn.
    const clock: Clock = {
      monotonic: () => 0,
      wall: () => 0,
      after(_ms, then) {
        queueMicrotask(then)
        return { cancel: () => undefined }
      },
    }
    const link = await IntakeLink.start({}, { clock })
    assert.deepEqual(await link.open(), { kind: 'failed', dcid: 1, failure: TIMEOUT })
    assert.deepEqual(link.kinds(), ['connection-error'])
    await link.close()
  })

  for (const on of ['CONNECT', 'EHLO', 'STARTTLS', 'HANDSHAKE', 'EHLO2'] as const) {
    it(`given up at ${on}: at once, without an event, nothing left`, async () => {
      const link = await IntakeLink.start({ script: [{ on, then: 'stall' }] })
      const opening = link.open()
      await link.server.until(on)
      const before = link.kinds()
      link.giveUp.abort()
      const opened = await opening
      assert(opened.kind === 'failed' && opened.failure.kind === 'network')
      assert.equal(opened.failure.reason, 'given up')
      assert.deepEqual(link.kinds(), before)
      assert.equal(link.clock.pending, 0)
      await link.server.connections[0]?.wire.closed
      await link.close()
    })
  }

  it('given up before it began', async () => {
    const link = await IntakeLink.start()
    link.giveUp.abort()
    assert.equal((await link.open()).kind, 'failed')
    assert.equal(link.server.connections.length, 0)
    await link.close()
  })
})

describe('delivery: an open connection', () => {
  it('carries many messages, and a refused one between them hurts none', async () => {
    const link = await IntakeLink.start({
      script: [{ on: 'RCPT', nth: 2, reply: '550 5.1.1 No' }],
    })
    const session = await link.session()
    const kinds: string[] = []
    for (const mid of ['1', '2', '3']) {
      const { outcome, reusable } = await session.send(outgoing({ mid, body: `${mid}\r\n` }))
      kinds.push(outcome.kind)
      assert.equal(reusable, true)
    }
    assert.deepEqual(kinds, ['delivered', 'failed', 'delivered'])
    assert.deepEqual(
      link.server.messages.map(({ raw }) => raw.toString()),
      ['1\r\n', '3\r\n'],
    )
    session.destroy()
    await link.close()
  })

  for (const [what, say] of [
    ['FIN', (link: IntakeLink) => link.server.connections[0]?.wire.end()],
    ['RST', (link: IntakeLink) => link.server.connections[0]?.wire.reset()],
    ['421', (link: IntakeLink) => link.server.connections[0]?.wire.say('421 4.4.2 Idle\r\n')],
    ['data', (link: IntakeLink) => link.server.connections[0]?.wire.say('250 hello\r\n')],
  ] as const) {
    it(`${what} while idle is quiet, and costs the next message nothing`, async () => {
      const link = await IntakeLink.start()
      const session = await link.session()
      await session.send(outgoing())
      const events = link.events.length
      let closes = 0
      const closed = new Promise<void>((resolve) => {
        session.onClose(() => {
          closes++
          resolve()
        })
      })
      say(link)
      await closed
      const { outcome, fault, reusable } = await session.send(outgoing())
      assert.deepEqual([outcome.kind, fault, reusable], ['failed', 'connection', false])
      session.destroy()
      await link.server.connections[0]?.wire.closed
      assert.deepEqual([closes, link.events.length, link.clock.pending], [1, events, 0])
      await link.close()
    })
  }

  const ENDS: readonly (readonly [string, Script[number]])[] = [
    ['421', { on: 'MAIL', nth: 2, reply: '421 4.7.0 Enough', then: 'drop' }],
    ['421 to DATA', { on: 'DATA', nth: 2, reply: '421 4.7.0 Enough', then: 'drop' }],
    ['a close', { on: 'MAIL', nth: 2, then: 'drop' }],
    ['a reset', { on: 'RCPT', nth: 2, then: 'reset' }],
  ]
  for (const [what, fault] of ENDS) {
    it(`${what} before DATA was accepted is the connection's when it has taken a message, and the host's when not`, async () => {
      const link = await IntakeLink.start({ script: [fault] })
      const session = await link.session()
      assert.equal((await session.send(outgoing())).outcome.kind, 'delivered')
      const second = await session.send(outgoing())
      assert.deepEqual([second.outcome.kind, second.fault], ['failed', 'connection'])
      await link.close()
      const fresh = await IntakeLink.start({ script: [{ ...fault, nth: 1 }] })
      const first = await (await fresh.session()).send(outgoing())
      const hosts = 'reply' in fault ? 'intake' : 'host'
      assert.deepEqual([first.outcome.kind, first.fault], ['failed', hosts])
      await fresh.close()
    })
  }

  for (const [what, fault] of [
    ['a 4xx to the message', { on: 'BODY', nth: 2, reply: '451 4.6.0 Later' }],
    ['503', { on: 'MAIL', nth: 2, reply: '503 5.5.1 What?' }],
    ['a close after DATA', { on: 'CONTENT', nth: 2, then: 'drop' }],
  ] as const) {
    it(`${what} is charged also on a reused connection`, async () => {
      const link = await IntakeLink.start({ script: [fault] })
      const session = await link.session()
      await session.send(outgoing())
      assert.equal((await session.send(outgoing())).fault, 'copy')
      session.destroy()
      await link.close()
    })
  }

  it('a line in plain text where TLS stands is a connection that broke', async () => {
    const link = await IntakeLink.start({ script: [{ on: 'MAIL', then: 'stall' }] })
    const session = await link.session()
    const sending = session.send(outgoing())
    await link.server.until('MAIL')
    link.server.connections[0]?.wire.socket.write('250 plain text\r\n')
    const { outcome } = await sending
    assert(outcome.kind === 'failed' && outcome.failure.kind === 'network', JSON.stringify(outcome))
    assert.equal(link.events.at(-1)?.kind, 'connection-error')
    await link.close()
  })

  for (const [on, fault] of [
    ['MAIL', 'connection'],
    ['DATA', 'connection'],
    ['CONTENT', 'copy'],
    ['BODY', 'copy'],
  ] as const) {
    it(`destroy at ${on} ends the message as aborted, without an event`, async () => {
      const link = await IntakeLink.start({ script: [{ on, then: 'stall' }] })
      const session = await link.session()
      const closes = countCloses(session)
      const sending = session.send(outgoing())
      await link.server.until(on)
      session.destroy()
      session.destroy()
      assert.deepEqual(await sending, {
        outcome: { kind: 'aborted', dcid: 1 },
        fault,
        reusable: false,
      })
      assert.deepEqual(link.kinds(), ['connected', 'tls-success', 'delivery-start'])
      assert.deepEqual([closes(), link.clock.pending], [1, 0])
      await link.server.connections[0]?.wire.closed
      await link.close()
    })
  }

  const ENDERS: [string, Fault, boolean][] = [
    ['421', { on: 'MAIL', nth: 2, reply: '421 4.3.2 Enough' }, true],
    ['a close', { on: 'MAIL', nth: 2, then: 'drop' }, true],
    ['a reset', { on: 'MAIL', nth: 2, then: 'reset' }, true],
    ['silence', { on: 'MAIL', nth: 2, then: 'stall' }, false],
    ['no reply', { on: 'MAIL', nth: 2, reply: 'hello' }, false],
    ['a reply too many', { on: 'MAIL', nth: 2, extra: '250 Ok\r\n250 Ok\r\n' }, false],
    ['503', { on: 'MAIL', nth: 2, reply: '503 5.5.1 What?' }, false],
  ]
  for (const [what, fault, byIntake] of ENDERS) {
    it(`${what}: ${byIntake ? 'the intake' : 'we'} ended it`, async () => {
      const link = await IntakeLink.start({ script: [fault] })
      const session = await link.session()
      assert.equal((await session.send(outgoing())).reusable, true)
      assert.equal(session.endedByIntake, false)
      const sending = session.send(outgoing())
      await link.server.until('MAIL', 2)
      await link.clock.advance(fault.then === 'stall' ? TIMEOUTS.command : 0)
      assert.equal((await sending).reusable, false)
      assert.equal(session.endedByIntake, byIntake)
      await link.close()
    })
  }

  it('destroy: we ended it', async () => {
    const link = await IntakeLink.start()
    const session = await link.session()
    session.destroy()
    assert.equal(session.endedByIntake, false)
    await link.close()
  })

  it('quit says QUIT and closes', async () => {
    const link = await IntakeLink.start()
    const session = await link.session()
    const closes = countCloses(session)
    const closed = new Promise<void>((resolve) => session.onClose(resolve))
    session.quit()
    await closed
    assert.equal(link.server.connections[0]?.seen.commands.at(-1)?.line, 'QUIT')
    assert.deepEqual([closes(), link.clock.pending], [1, 0])
    await link.close()
  })

  for (const then of ['stall', 'drop', 'reset', 'half-open'] as const) {
    it(`quit ends also when QUIT is answered with ${then}`, async () => {
      const link = await IntakeLink.start({ script: [{ on: 'QUIT', then }] })
      const session = await link.session()
      const closes = countCloses(session)
      const closed = new Promise<void>((resolve) => session.onClose(resolve))
      session.quit()
      await link.server.until('QUIT')
      if (then === 'stall') await link.clock.advance(5_000)
      await closed
      await link.server.connections[0]?.wire.closed
      assert.deepEqual([closes(), link.clock.pending], [1, 0])
      assert.deepEqual(link.kinds(), ['connected', 'tls-success'])
      await link.close()
    })
  }

  it('onClose after the end is called all the same', async () => {
    const link = await IntakeLink.start()
    const session = await link.session()
    session.destroy()
    const closes = countCloses(session)
    await link.clock.settle()
    assert.equal(closes(), 1)
    await link.close()
  })
})

function row(
  then: 'drop' | 'reset' | 'stall',
  on: 'CONNECT' | 'EHLO' | 'EHLO2',
  failure: object,
): OpenRow {
  const events = on === 'EHLO2' ? NETWORK_IN_TLS : NETWORK
  return { what: `${then} at ${on}`, script: [{ on, then }], failure, events }
}

function countCloses(session: Session): () => number {
  let closes = 0
  session.onClose(() => closes++)
  return () => closes
}
