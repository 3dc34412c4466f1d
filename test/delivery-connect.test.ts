import assert from 'node:assert/strict'
import type { MxLookup } from '../plugins/tdc/route/mx-lookup'
import { OPEN_TIMEOUT } from '../plugins/tdc/delivery/pool-options'
import { FaultServer } from './support/fault-server'
import type { Script } from './support/fault-script'
import { anyAuthority, INTAKE, IntakeLink, outgoing, TIMEOUTS } from './support/intake-link'

/** Loopback addresses, on each of which another intake listens on the same port. */
const [FIRST, SECOND, THIRD] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const

const NXDOMAIN = Object.assign(new Error('raw text'), { code: 'ENOTFOUND' })

describe('delivery: connecting to the hosts of a domain', () => {
  it('goes on to the next address until a session stands, each with its own DCID', async () => {
    const link = await IntakeLink.start(
      { script: [{ on: 'CONNECT', reply: '421 4.3.2 Full' }] },
      { route: undefined, lookup: hosts([SECOND, FIRST, THIRD]) },
    )
    const third = await intakeAt(THIRD, link.server.port, [])
    const session = await link.session()
    assert.equal(session.dcid, 3)
    assert.equal((await session.send(outgoing())).outcome.kind, 'delivered')
    assert.deepEqual(
      link.events.map((event) => [event.kind, 'dcid' in event ? event.dcid : 0]),
      [
        ['connection-error', 1],
        ['connected', 2],
        ['refused', 0],
        ['connected', 3],
        ['tls-success', 3],
        ['delivery-start', 3],
      ],
    )
    session.destroy()
    await Promise.all([link.close(), third.close()])
  })

  it('an address that lately failed is tried after the others, until its pause is over', async () => {
    const link = await IntakeLink.start(
      {},
      { route: undefined, lookup: hosts([SECOND, FIRST]), random: () => 0.5 },
    )
    const dcids = async () => {
      const session = await link.session()
      session.destroy()
      return session.dcid
    }
    assert.equal(await dcids(), 2, 'the first one is refused')
    assert.equal(await dcids(), 3, 'it is not tried again')
    await link.clock.advance(1_000)
    assert.equal(await dcids(), 5, 'it is, and fails again')
    await link.clock.advance(1_999)
    assert.equal(await dcids(), 6, 'now it is left alone twice as long')
    await link.clock.advance(1)
    assert.equal(await dcids(), 8)
    await link.close()
  })

  it('an address that says nothing leaves time for the next one', async () => {
    const link = await IntakeLink.start(
      { script: [{ on: 'CONNECT', then: 'stall' }] },
      {
        route: undefined,
        lookup: hosts([FIRST, SECOND]),
        timeouts: { ...TIMEOUTS, greeting: OPEN_TIMEOUT },
      },
    )
    const second = await intakeAt(SECOND, link.server.port, [])
    const began = link.clock.monotonic()
    const opening = link.session()
    await link.server.until('CONNECT')
    while (!second.connections.length) await link.clock.advance(500)
    assert.equal((await opening).remote, SECOND)
    assert(link.clock.monotonic() - began < OPEN_TIMEOUT - 5_000)
    ;(await opening).destroy()
    await Promise.all([link.close(), second.close()])
  })

  it('an address that says nothing until the opening is given up has failed too', async () => {
    const link = await IntakeLink.start(
      { script: [{ on: 'CONNECT', then: 'stall' }] },
      { route: undefined, lookup: hosts([FIRST, SECOND]), random: () => 0.5 },
    )
    const second = await intakeAt(SECOND, link.server.port, [])
    const opening = link.open()
    await link.server.until('CONNECT')
    while (!link.kinds().includes('connected')) await new Promise(setImmediate)
    // Less than the greeting may take: the pool ends the opening before.
    await link.clock.advance(TIMEOUTS.greeting - 1)
    link.giveUp.abort()
    assert.equal((await opening).kind, 'failed')
    const next = await link.open(new AbortController().signal)
    assert(next.kind === 'open')
    assert.equal(next.session.remote, SECOND)
    next.session.destroy()
    await Promise.all([link.close(), second.close()])
  })

  it('one opening finds out whether a failed address is back; the others go elsewhere', async () => {
    const link = await IntakeLink.start(
      {},
      { route: undefined, lookup: hosts([SECOND, FIRST]), random: () => 0.5 },
    )
    await link.session()
    await link.clock.advance(1_000)
    link.events.splice(0)
    await Promise.all(Array.from({ length: 5 }, () => link.session()))
    const failed = link.kinds().filter((kind) => kind === 'connection-error')
    const connected = link.kinds().filter((kind) => kind === 'connected')
    assert.deepEqual([failed.length, connected.length], [1, 5])
    await link.close()
  })

  it('when no address works, all of them are tried each time, whatever their pauses', async () => {
    const refusing: Script = [{ on: 'CONNECT', reply: '421 4.3.2 Down' }]
    const link = await IntakeLink.start(
      { script: refusing },
      { route: undefined, lookup: hosts([SECOND, FIRST]), random: () => 0.5 },
    )
    for (const dcid of [2, 4, 6, 8]) {
      await link.open()
      assert.equal(link.lastDcid, dcid)
    }
    link.server.script = []
    await link.session()
    await link.close()
  })

  const TRIES: readonly (readonly [string, Script, Script, string, number])[] = [
    [
      'of two failures the one that a retry could heal is reported',
      [{ on: 'CONNECT', reply: '450 4.3.2 Later' }],
      [{ on: 'CONNECT', reply: '554 5.3.2 Never' }],
      '450',
      1,
    ],
    [
      'also when it comes last',
      [{ on: 'STARTTLS', reply: '454 4.7.0 No' }],
      [{ on: 'CONNECT', reply: '450 4.3.2 Later' }],
      '450',
      2,
    ],
    [
      'the last one when no retry heals any',
      [{ on: 'STARTTLS', reply: '454 4.7.0 No' }],
      [{ on: 'CONNECT', reply: '554 5.3.2 Never' }],
      '554',
      2,
    ],
    [
      'the last one when a retry could heal each',
      [{ on: 'CONNECT', reply: '450 4.3.2 Later' }],
      [{ on: 'CONNECT', reply: '451 4.3.2 Later' }],
      '451',
      2,
    ],
  ]
  for (const [what, first, second, code, dcid] of TRIES) {
    it(what, async () => {
      const link = await IntakeLink.start(
        { script: first },
        { route: undefined, lookup: hosts([FIRST, SECOND]) },
      )
      const other = await intakeAt(SECOND, link.server.port, second)
      const opened = await link.open()
      assert(opened.kind === 'failed' && opened.failure.kind === 'reply', JSON.stringify(opened))
      assert.deepEqual([String(opened.failure.reply.code), opened.dcid], [code, dcid])
      await Promise.all([link.close(), other.close()])
    })
  }

  it('a DNS failure is told once, and has no DCID', async () => {
    const lookup = { ...hosts([]), mx: () => Promise.reject(NXDOMAIN) }
    const link = await IntakeLink.start({}, { route: undefined, lookup })
    const opened = await link.open()
    assert(opened.kind === 'failed' && opened.failure.kind === 'dns')
    assert.deepEqual([opened.dcid, opened.failure.result], [0, 'nxdomain'])
    assert.deepEqual(link.events, [
      { kind: 'dns-error', domain: 'example.com', result: 'NXDomain' },
    ])
    await link.close()
  })

  it('given up while the DNS is silent: at once, without an event', async () => {
    const lookup: MxLookup = { ...hosts([]), mx: () => new Promise(() => undefined) }
    const link = await IntakeLink.start({}, { route: undefined, lookup })
    const opening = link.open()
    link.giveUp.abort()
    assert.equal((await opening).kind, 'failed')
    assert.deepEqual(link.events, [])
    await link.close()
  })

  it('given up at the first host: the second is not tried', async () => {
    const link = await IntakeLink.start(
      { script: [{ on: 'EHLO', then: 'stall' }] },
      { route: undefined, lookup: hosts([FIRST, SECOND]) },
    )
    const opening = link.open()
    await link.server.until('EHLO')
    link.giveUp.abort()
    const opened = await opening
    assert(opened.kind === 'failed')
    assert.equal(opened.dcid, 1)
    await link.close()
  })

  it('connects from the local address that is asked for', async () => {
    const link = await IntakeLink.start({}, { localAddress: '127.0.0.7' })
    const session = await link.session()
    const connected = link.events[0]
    assert(connected?.kind === 'connected')
    assert.equal(connected.local, '127.0.0.7')
    session.destroy()
    await link.close()
  })
})

/** One MX host with these addresses. */
function hosts(addresses: readonly string[]): MxLookup {
  return {
    mx: async () => [{ exchange: INTAKE, priority: 10 }],
    addresses: () => (addresses.length > 0 ? Promise.resolve(addresses) : Promise.reject(NXDOMAIN)),
    system: () => Promise.reject(NXDOMAIN),
  }
}

async function intakeAt(host: string, port: number, script: Script): Promise<FaultServer> {
  const tls = await (await anyAuthority()).issue({ names: [INTAKE] })
  return FaultServer.start({ tls, host, port, script })
}
