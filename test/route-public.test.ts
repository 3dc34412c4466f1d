import assert from 'node:assert/strict'
import type { MxLookup } from '../plugins/tdc/route/mx-lookup'
import { retriesOf } from '../plugins/tdc/delivery/retries'
import { isPublic } from '../plugins/tdc/route/public-address'
import { linesOf } from '../plugins/tdc/monitor/lines'
import { INTAKE, IntakeLink } from './support/intake-link'

/** The first and the last address of each block that is nobody's on the internet. */
const SPECIAL = `
  0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1
  127.255.255.255 169.254.0.0 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.1 192.0.2.1
  192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.1
  224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
  :: ::1 ::7f00:1 ::ffff:10.0.0.1 ::ffff:7f00:1 ::ffff:127.0.0.1 ::ffff:0.0.0.0 64:ff9b::10.0.0.1
  64:ff9b::7f00:1 64:ff9b::169.254.169.254 64:ff9b:1::1 100::1 2001::1 2001:1ff:ffff::1
  2001:db8::1 2002:a00:1::1 3fff::1 5f00::1 fc00::1 fdff:ffff::1 fe80::1 fe80::1%eth0 febf::1
  fec0::1 ff02::1`

/** Their neighbours, and a few well-known ones. */
const PUBLIC = `
  1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
  169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0
  198.17.255.255 198.20.0.0 223.255.255.255 8.8.8.8 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
  2001:200::1 2606:4700::1111 2a00:1450::1 fbff::1`

const words = (text: string): string[] => text.trim().split(/\s+/)

describe('delivery: addresses that are not public', () => {
  it('are those of the registries', () => {
    assert.deepEqual(
      words(SPECIAL).filter((address) => isPublic(address, [])),
      [],
    )
    assert.deepEqual(
      words(PUBLIC).filter((address) => !isPublic(address, [])),
      [],
    )
  })

  it('and our own, however they are written: a copy must not come back to us', () => {
    const own = ['8.8.4.4', '2a00:1450::2']
    for (const address of ['8.8.4.4', '::ffff:8.8.4.4', '2a00:1450:0::2', '2A00:1450::2']) {
      assert.equal(isPublic(address, own), false, address)
    }
    assert.equal(isPublic('8.8.4.5', own), true)
  })

  it('what is no address is not public', () => {
    for (const text of ['', 'localhost', '1.2.3', '127.1']) assert.equal(isPublic(text, []), false)
  })

  it('all of a domain: nothing is connected to, and the DNS error says why', async () => {
    const link = await IntakeLink.start({}, open(['127.0.0.1', '10.1.2.3']))
    const opened = await link.open()
    assert(opened.kind === 'failed' && opened.failure.kind === 'dns', JSON.stringify(opened))
    assert.deepEqual([opened.dcid, opened.failure.result], [0, 'private'])
    assert.equal(retriesOf(opened.failure), 1, 'the DNS may be put right')
    assert.equal(link.server.connections.length, 0)
    assert.deepEqual(
      link.events.flatMap((event) => linesOf(event, 'X').map(({ text }) => text)),
      [
        'DNS Error example.com MX - Private: no address is public: 127.0.0.1, 10.1.2.3 ' +
          '(allow_private=false)',
      ],
    )
    await link.close()
  })

  it('some of a domain: the others are used', async () => {
    const mayConnect = (address: string) => address === '127.0.0.1' || isPublic(address)
    const link = await IntakeLink.start({}, { ...open(['10.1.2.3', '127.0.0.1']), mayConnect })
    const session = await link.session()
    assert.equal(session.dcid, 1)
    session.destroy()
    await link.close()
  })

  it('the address that was reached counts: nothing is said to one that is not public', async () => {
    let asked = 0
    const mayConnect = () => (asked += 1) === 1
    const link = await IntakeLink.start({}, { ...open(['127.0.0.1']), mayConnect })
    const opened = await link.open()
    assert(opened.kind === 'failed' && opened.failure.kind === 'network', JSON.stringify(opened))
    assert.equal(opened.failure.reason, '127.0.0.1 is not public (allow_private=false)')
    await link.server.until('CONNECT')
    assert.deepEqual(link.server.connections[0]?.seen.lines('plain'), [])
    await link.close()
  })

  it('a route is the word of the operator', async () => {
    const link = await IntakeLink.start({}, { mayConnect: isPublic })
    const session = await link.session()
    assert.deepEqual(link.server.connections[0]?.seen.lines('plain').at(-1), 'STARTTLS')
    session.destroy()
    await link.close()
  })
})

/** No route: the MX host has these addresses. */
function open(addresses: readonly string[]) {
  const lookup: MxLookup = {
    mx: async () => [{ exchange: INTAKE, priority: 10 }],
    addresses: async () => addresses,
    system: () => Promise.reject(new Error('not asked')),
  }
  return { route: undefined, lookup, mayConnect: (address: string) => isPublic(address) }
}
