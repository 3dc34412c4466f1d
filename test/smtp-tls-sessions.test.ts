import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type SecureVersion, type TLSSocket } from 'node:tls'
import { type ConnectOptions, makeSessionMaker } from '../plugins/tdc/delivery/connect'
import { selfSigned } from './support/certificates'
import { clientHello, clientSide, PRE_SHARED_KEY, SESSION_TICKET } from './support/client-side'
import type { TlsMaterial } from './support/fault-server'
import { anyAuthority, INTAKE, IntakeLink, outgoing, VERIFIED } from './support/intake-link'
import { WireTap } from './support/wire-tap'

const HERE = '127.0.0.1'
const VERSIONS: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3']

/** A link through a tap. */
async function tapped(tls: TlsMaterial, over: Partial<ConnectOptions>) {
  const link = await IntakeLink.start({ tls }, over)
  const tap = await WireTap.start([HERE], link.server.port)
  Object.assign(link.options, { route: { host: INTAKE, port: tap.port } })
  const hello = (nth: number) => {
    const octets = tap.connections[nth]?.octets
    assert(octets, `connection ${nth}`)
    return clientHello(clientSide(octets).records)
  }
  return { link, tap, hello, close: () => Promise.all([link.close(), tap.close()]) }
}

/** Whether a ClientHello offers to go on with an earlier session. */
function offersSession({ extensions }: ReturnType<typeof clientHello>): boolean {
  return extensions.has(PRE_SHARED_KEY) || (extensions.get(SESSION_TICKET) ?? 0) > 0
}

describe('delivery: TLS sessions', () => {
  for (const maxVersion of VERSIONS) {
    it(`${maxVersion}: one that was made without verification is never offered again`, async () => {
      const { caPem } = await anyAuthority()
      const material = { ...(await selfSigned({ names: ['x.example'] })), maxVersion }
      const { link, hello, close } = await tapped(material, {
        tls: { ...VERIFIED, ca: caPem, verify: false },
      })
      const session = await link.session()
      assert.equal((await session.send(outgoing())).outcome.kind, 'delivered')
      session.destroy()
      const again = await link.session()
      again.destroy()
      // The same process, the same host, now with verification.
      const strict = { ...link.options, tls: { ...VERIFIED, ca: caPem } }
      const opened = await makeSessionMaker(strict)(new AbortController().signal)
      assert(opened.kind === 'failed' && opened.failure.kind === 'tls')
      assert.equal(opened.failure.reason, 'certificate-not-trusted')
      const hellos = [hello(0), hello(1), hello(2)]
      assert.deepEqual(hellos.map(offersSession), [false, false, false])
      assert.equal(new Set(hellos.map(({ sessionId }) => sessionId)).size, 3)
      await close()
    })

    it(`${maxVersion}: a client that does offer one is seen (control)`, async () => {
      const { caPem, issue } = await anyAuthority()
      const server = createServer({ ...(await issue({ names: [INTAKE] })), maxVersion }, (socket) =>
        socket.on('error', () => undefined).write('hello'),
      )
      server.listen(0, HERE)
      await once(server, 'listening')
      const tap = await WireTap.start([HERE], (server.address() as AddressInfo).port)
      const options = { host: HERE, port: tap.port, servername: INTAKE, ca: caPem }
      const first = connect(options)
      const [[session]] = (await Promise.all([once(first, 'session'), once(first, 'data')])) as [
        [Buffer],
        unknown,
      ]
      first.destroy()
      const second: TLSSocket = connect({ ...options, session })
      await once(second, 'secureConnect')
      assert(second.isSessionReused())
      second.destroy()
      const offers = tap.connections.map(({ octets }) => {
        // Without SMTP before it, as if STARTTLS had just been said.
        const { records } = clientSide(
          Buffer.concat([Buffer.from('EHLO x\r\nSTARTTLS\r\n'), octets]),
        )
        return offersSession(clientHello(records))
      })
      assert.deepEqual(offers, [false, true])
      await Promise.all([tap.close(), new Promise((resolve) => server.close(resolve))])
    })
  }

  it('a certificate that ends in flight: what stands goes on, no new connection is made', async () => {
    const end = new Date(Math.ceil(Date.now() / 1000 + 1) * 1000)
    const { issue } = await anyAuthority()
    const link = await IntakeLink.start({ tls: await issue({ names: [INTAKE], notAfter: end }) })
    const session = await link.session()
    // OpenSSL asks the machine's clock, which no test can move; its seconds are whole ones.
    await new Promise((resolve) => setTimeout(resolve, end.getTime() + 1000 - Date.now()))
    assert.equal((await session.send(outgoing())).outcome.kind, 'delivered')
    const opened = await link.open()
    assert(opened.kind === 'failed' && opened.failure.kind === 'tls')
    assert.equal(opened.failure.reason, 'certificate-expired')
    session.destroy()
    await link.close()
  })
})
