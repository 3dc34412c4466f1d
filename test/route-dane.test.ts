import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import type { Dane, DaneLookup } from '../plugins/tdc/route/dane'
import type { TlsaData } from '../plugins/tdc/smtp/tlsa'
import { DnsClient } from '../plugins/tdc/route/dns-client'
import type { MxLookup } from '../plugins/tdc/route/mx-lookup'
import { secureLookup } from '../plugins/tdc/route/secure-lookup'
import { tlsaText, usableOf } from '../plugins/tdc/smtp/tlsa'
import { systemClock } from '../plugins/tdc/clock'
import { ScriptedDns, type ScriptedZone } from './support/scripted-dns'

const DOMAIN = 'scan.example'
const MX = 'mx.scan.example'
const TLSA = `TLSA _25._tcp.${MX}`

const tlsa = (usage: number, selector: number, matchingType: number, octets = 32) => ({
  data: [{ usage, selector, matchingType, certificate: Buffer.alloc(octets, 7) }],
})

/** A zone in which DANE is usable; each row takes something away. */
const WHOLE: ScriptedZone = {
  [`MX ${DOMAIN}`]: { data: [{ preference: 10, exchange: MX }] },
  [`A ${MX}`]: { data: ['192.0.2.1'] },
  [TLSA]: tlsa(3, 1, 1),
}

const EDGE = 'edge.hoster.example'
const ALIAS: ScriptedZone = {
  [`MX ${DOMAIN}`]: { data: [{ preference: 10, exchange: MX }] },
  [`CNAME ${MX}`]: { data: [EDGE] },
  [`A ${EDGE}`]: { data: ['192.0.2.1'] },
}

interface Row {
  readonly section: string
  readonly what: string
  readonly zone: ScriptedZone
  /** Records that are not signed. */
  readonly unsigned?: readonly string[]
  /** The host's name, when it is not MX. */
  readonly host?: string
  /** The base domain of the records that are used, `none`, or the result of a look-up that failed. */
  readonly then: string
}

const RFC_7672: readonly Row[] = [
  { section: '2.2', what: 'all is signed', zone: WHOLE, then: MX },
  {
    section: '2.2.1',
    what: 'the MX records are not signed',
    zone: WHOLE,
    unsigned: [`MX ${DOMAIN}`],
    then: 'none',
  },
  {
    section: '2.1.1',
    what: 'the MX records are bogus',
    zone: { ...WHOLE, [`MX ${DOMAIN}`]: 'SERVFAIL' },
    then: 'servfail',
  },
  {
    section: '2.2.2',
    what: 'there are no MX records, the domain is its own host',
    zone: { [`A ${DOMAIN}`]: { data: ['192.0.2.1'] }, [`TLSA _25._tcp.${DOMAIN}`]: tlsa(3, 1, 1) },
    host: DOMAIN,
    then: DOMAIN,
  },
  {
    section: '2.2.2',
    what: 'the address records are not signed: TLSA is not even asked for',
    zone: { ...WHOLE, [TLSA]: 'SERVFAIL' },
    unsigned: [`A ${MX}`],
    then: 'none',
  },
  {
    section: '2.2.2',
    what: 'one family of addresses is signed, the other is not',
    zone: { ...WHOLE, [`AAAA ${MX}`]: { data: ['2001:db8::1'] } },
    unsigned: [`AAAA ${MX}`],
    then: 'none',
  },
  {
    section: '2.1.1',
    what: 'the address records are bogus',
    zone: { ...WHOLE, [`A ${MX}`]: 'SERVFAIL', [`AAAA ${MX}`]: 'SERVFAIL' },
    then: 'servfail',
  },
  {
    section: '2.2.2',
    what: 'the host is an alias, signed to its end, with records at the end',
    zone: { ...ALIAS, [`TLSA _25._tcp.${EDGE}`]: tlsa(3, 1, 1), [TLSA]: tlsa(3, 1, 1) },
    then: EDGE,
  },
  {
    section: '2.2.2',
    what: 'the host is an alias, signed to its end, with records at its own name alone',
    zone: { ...ALIAS, [TLSA]: tlsa(3, 1, 1) },
    then: MX,
  },
  {
    section: '2.2.2',
    what: 'the host is a signed alias of an unsigned name, with records at its own name',
    zone: { ...ALIAS, [TLSA]: tlsa(3, 1, 1), [`TLSA _25._tcp.${EDGE}`]: tlsa(3, 1, 1) },
    unsigned: [`A ${EDGE}`],
    then: MX,
  },
  {
    section: '2.2.2',
    what: 'the host is an alias that is not signed',
    zone: { ...ALIAS, [TLSA]: tlsa(3, 1, 1) },
    unsigned: [`CNAME ${MX}`],
    then: 'none',
  },
  {
    section: '2.2',
    what: 'the TLSA records are denied: no such name',
    zone: { ...WHOLE, [TLSA]: 'NXDOMAIN' },
    then: 'none',
  },
  {
    section: '2.2',
    what: 'the TLSA records are not signed',
    zone: WHOLE,
    unsigned: [TLSA],
    then: 'none',
  },
  ...(['SERVFAIL', 'REFUSED'] as const).map((trouble) => ({
    section: '2.1.1',
    what: `the TLSA look-up ends with ${trouble}, as of bogus records`,
    zone: { ...WHOLE, [TLSA]: trouble },
    then: trouble === 'SERVFAIL' ? 'servfail' : 'error',
  })),
  {
    section: '2.2',
    what: 'no TLSA record can be used',
    zone: { ...WHOLE, [TLSA]: tlsa(1, 1, 1) },
    then: 'none',
  },
]

describe('DANE: what the DNS says of a host', () => {
  let dns: ScriptedDns
  let lookup: MxLookup
  let dane: DaneLookup
  before(async () => (dns = await ScriptedDns.start()))
  after(() => dns.close())
  beforeEach(() => {
    dns.isSecure = () => true
    ;({ lookup, dane } = secureLookup(new DnsClient([dns.server], systemClock), systemClock))
  })

  const found = async (host = MX): Promise<Dane> =>
    dane(DOMAIN, { name: host, address: '192.0.2.1', port: 25 })

  for (const { section, what, zone, unsigned = [], host, then } of RFC_7672) {
    it(`RFC 7672 section ${section}: ${what}: ${then}`, async () => {
      dns.zone = zone
      dns.isSecure = (record) => !unsigned.includes(record)
      const it = await found(host)
      assert.equal(textOf(it), then, JSON.stringify(it))
    })
  }

  it('RFC 7671 section 7: TLSA records that are an alias of others', async () => {
    const { [TLSA]: records, ...rest } = WHOLE
    assert(records)
    dns.zone = {
      ...rest,
      [`CNAME _25._tcp.${MX}`]: { data: ['dane.hoster.example'] },
      'TLSA dane.hoster.example': records,
    }
    assert.equal(textOf(await found()), MX)
    dns.isSecure = (record) => !record.endsWith('hoster.example')
    const another = secureLookup(new DnsClient([dns.server], systemClock), systemClock)
    const insecure = await another.dane(DOMAIN, { name: MX, address: '192.0.2.1', port: 25 })
    assert.equal(insecure.kind, 'none')
  })

  it('a certificate may have the name of the records, of the host, or of the domain', async () => {
    dns.zone = { ...ALIAS, [`TLSA _25._tcp.${EDGE}`]: tlsa(2, 1, 1) }
    const it = await found()
    assert(it.kind === 'usable')
    assert.deepEqual(it.demand.names, [EDGE, MX, DOMAIN])
  })

  it('what a connection goes to is what DANE was asked about: each name is asked for once', async () => {
    dns.zone = WHOLE
    dns.questions.length = 0
    assert.deepEqual(await lookup.mx(DOMAIN), [{ exchange: MX, priority: 10 }])
    assert.deepEqual(await lookup.addresses(MX), ['192.0.2.1'])
    await Promise.all([found(), found(), found()])
    const asked = [`MX ${DOMAIN}`, `AAAA ${MX}`, `A ${MX}`, TLSA]
    assert.deepEqual([...dns.questions].sort(), asked.sort())
  })
})

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const SPKI = publicKey.export({ type: 'spki', format: 'der' })
const record = (usage: number, selector: number, matching: number, data: Buffer): TlsaData => ({
  usage,
  selector,
  matching,
  data,
})
const sha = (name: 'sha256' | 'sha512') => createHash(name).update('x').digest()

describe('DANE: which TLSA records can be used', () => {
  const table: readonly (readonly [string, readonly TlsaData[], readonly string[]])[] = [
    ['3 1 1', [record(3, 1, 1, sha('sha256'))], ['3 1 1']],
    ['2 0 2', [record(2, 0, 2, sha('sha512'))], ['2 0 2']],
    ['3 1 0, a key', [record(3, 1, 0, SPKI)], ['3 1 0']],
    ['3 1 0, no key (RFC 7671 section 4)', [record(3, 1, 0, Buffer.from('no key'))], []],
    ['3 0 0, no certificate', [record(3, 0, 0, SPKI)], []],
    [
      'PKIX-TA and PKIX-EE (RFC 7672 section 3.1.3)',
      [0, 1].map((usage) => record(usage, 1, 1, sha('sha256'))),
      [],
    ],
    [
      'usage, selector or matching that nobody knows',
      [
        record(4, 1, 1, sha('sha256')),
        record(3, 2, 1, sha('sha256')),
        record(3, 1, 3, sha('sha256')),
        record(255, 255, 255, sha('sha256')),
      ],
      [],
    ],
    ['a digest that is too short', [record(3, 1, 1, sha('sha256').subarray(1))], []],
    ['a digest that is too long', [record(3, 1, 1, sha('sha512'))], []],
    ['no data at all', [record(3, 1, 1, Buffer.alloc(0)), record(3, 1, 0, Buffer.alloc(0))], []],
    [
      'SHA-256 beside SHA-512 (RFC 7671 section 9)',
      [record(3, 1, 1, sha('sha256')), record(3, 1, 2, sha('sha512'))],
      ['3 1 2'],
    ],
    [
      'SHA-256 beside SHA-512 of another selector',
      [record(3, 0, 1, sha('sha256')), record(3, 1, 2, sha('sha512'))],
      ['3 0 1', '3 1 2'],
    ],
  ]
  for (const [what, records, usable] of table) {
    it(`${what}: ${usable.join(', ') || 'none'}`, () =>
      assert.deepEqual(usableOf(records).map(tlsaText), usable))
  }
})

/** The base domain, `none`, or the result of the look-up that failed. */
function textOf(dane: Dane): string {
  switch (dane.kind) {
    case 'none':
      return 'none'
    case 'usable':
      return dane.demand.base
    case 'failed':
      return dane.failure.result
  }
}
