import assert from 'node:assert/strict'
import { Resolver } from 'node:dns/promises'
import { createRequire } from 'node:module'
import { retriesOf } from '../plugins/tdc/delivery/retries'
import { resolveMx, resolveRoute } from '../plugins/tdc/route/mx'
import { type DnsQuestions, dnsQuestions } from '../plugins/tdc/route/dns-questions'
import { cachedLookup, type MxLookup } from '../plugins/tdc/route/mx-lookup'
import { FakeClock } from './support/fake-clock'
import { FakeDns, type FakeZone, NULL_MX } from './support/fake-dns'

const DOMAIN = 'example.com'

interface Row {
  readonly what: string
  readonly zone: FakeZone
  /** `name address` of each host, or the DNS result. */
  readonly found: readonly string[] | string
  readonly retries?: 0 | 1
}

const HOST = { a: ['127.0.0.1'] }

const ROWS: readonly Row[] = [
  {
    what: 'MX hosts by preference, whatever their order in the answer',
    zone: {
      [DOMAIN]: {
        mx: [
          [20, 'b.example'],
          [5, 'A.Example'],
          [30, 'c.example'],
        ],
      },
      'a.example': HOST,
      'b.example': HOST,
      'c.example': HOST,
    },
    found: ['a.example 127.0.0.1', 'b.example 127.0.0.1', 'c.example 127.0.0.1'],
  },
  {
    what: 'several addresses: the families take turns',
    zone: {
      [DOMAIN]: { mx: [[5, 'a.example']] },
      'a.example': { a: ['127.0.0.1', '127.0.0.2', '127.0.0.3'], aaaa: ['::1'] },
    },
    found: ['::1', '127.0.0.1', '127.0.0.2', '127.0.0.3'].map((address) => `a.example ${address}`),
  },
  {
    what: 'no MX record: the domain is its own host',
    zone: { [DOMAIN]: { a: ['127.0.0.1'], aaaa: ['2001:db8::1'] } },
    found: ['example.com 2001:db8::1', 'example.com 127.0.0.1'],
  },
  {
    what: 'a host without address is left out',
    zone: {
      [DOMAIN]: {
        mx: [
          [5, 'gone.example'],
          [10, 'a.example'],
        ],
      },
      'a.example': HOST,
    },
    found: ['a.example 127.0.0.1'],
  },
  {
    what: 'a host that cannot be looked up is left out',
    zone: {
      [DOMAIN]: {
        mx: [
          [5, 'bad.example'],
          [10, 'a.example'],
        ],
      },
      'bad.example': 'SERVFAIL',
      'a.example': HOST,
    },
    found: ['a.example 127.0.0.1'],
  },
  {
    what: 'one family that cannot be looked up does not hide the other',
    zone: {
      [DOMAIN]: { mx: [[5, 'a.example']] },
      'a.example': { a: ['127.0.0.1'], fail: { AAAA: 'SERVFAIL' } },
    },
    found: ['a.example 127.0.0.1'],
  },
  {
    what: 'no more than ten hosts',
    zone: {
      [DOMAIN]: { mx: Array.from({ length: 12 }, (_, at) => [at, `h${at}.x`] as const) },
      ...Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`h${at}.x`, HOST])),
    },
    found: Array.from({ length: 10 }, (_, at) => `h${at}.x 127.0.0.1`),
  },
  { what: 'null MX', zone: { [DOMAIN]: NULL_MX }, found: 'nullmx', retries: 0 },
  {
    what: 'a null MX beside another record means nothing',
    zone: {
      [DOMAIN]: {
        mx: [
          [0, '.'],
          [10, 'a.example'],
        ],
      },
      'a.example': HOST,
    },
    found: ['a.example 127.0.0.1'],
  },
  { what: 'a domain that does not exist', zone: {}, found: 'nxdomain', retries: 0 },
  {
    what: 'a domain without MX and address',
    zone: { [DOMAIN]: {} },
    found: 'nxdomain',
    retries: 0,
  },
  {
    what: 'no MX host has an address',
    zone: { [DOMAIN]: { mx: [[5, 'gone.example']] } },
    found: 'nxdomain',
    retries: 0,
  },
  { what: 'a server failure', zone: { [DOMAIN]: 'SERVFAIL' }, found: 'servfail', retries: 1 },
  { what: 'a refusal', zone: { [DOMAIN]: 'REFUSED' }, found: 'error', retries: 1 },
  {
    what: 'no MX record, and the addresses cannot be looked up',
    zone: { [DOMAIN]: { fail: { A: 'SERVFAIL', AAAA: 'SERVFAIL' } } },
    found: 'servfail',
    retries: 1,
  },
  {
    what: 'no MX record, one family without data, the other unknown',
    zone: { [DOMAIN]: { fail: { A: 'SERVFAIL' } } },
    found: 'servfail',
    retries: 1,
  },
  {
    what: 'MX hosts that cannot be looked up',
    zone: {
      [DOMAIN]: {
        mx: [
          [5, 'bad.example'],
          [6, 'gone.example'],
        ],
      },
      'bad.example': 'SERVFAIL',
    },
    found: 'servfail',
    retries: 1,
  },
  ...([0, 10] as const).map((preference) => ({
    what: `an MX record of preference ${preference} that holds an address`,
    zone: { [DOMAIN]: { mx: [[preference, '127.0.0.1']], a: ['127.0.0.1'] } } as FakeZone,
    found: 'error',
    retries: 1 as const,
  })),
  {
    what: 'an address among the MX records is passed over',
    zone: {
      [DOMAIN]: {
        mx: [
          [5, '127.0.0.1'],
          [10, 'a.example'],
        ],
      },
      'a.example': HOST,
    },
    found: ['a.example 127.0.0.1'],
  },
]

describe('delivery: MX look-up', () => {
  let dns: FakeDns
  let questions: DnsQuestions
  let lookup: MxLookup
  before(async () => {
    dns = await FakeDns.start({})
    const resolver = new Resolver({ timeout: 2_000, tries: 1 })
    for (const each of [resolver, harakaResolver()]) each.setServers([dns.address])
    questions = dnsQuestions(undefined, resolver)
  })
  // What one test was told is not for the next one.
  beforeEach(() => (lookup = cachedLookup(questions, new FakeClock())))
  after(() => dns.close())

  for (const { what, zone, found, retries } of ROWS) {
    it(what, async () => {
      dns.zone = zone
      const resolved = await resolveMx(DOMAIN, { port: 25, lookup, random: Math.random })
      if (resolved.kind === 'hosts') {
        assert.deepEqual(
          resolved.hosts.map(({ name, address }) => `${name} ${address}`),
          found,
        )
        assert(resolved.hosts.every(({ port }) => port === 25))
      } else {
        assert.deepEqual([resolved.failure.result, retriesOf(resolved.failure)], [found, retries])
        assert.equal(resolved.failure.domain, DOMAIN)
      }
    })
  }

  it('a DNS server that is silent is a timeout', async () => {
    dns.zone = { [DOMAIN]: 'SILENT' }
    const resolver = new Resolver({ timeout: 20, tries: 1 })
    resolver.setServers([dns.address])
    const asked = dnsQuestions((domain) => resolver.resolveMx(domain), resolver)
    const silent = cachedLookup(asked, new FakeClock())
    const resolved = await resolveMx(DOMAIN, { port: 25, lookup: silent, random: Math.random })
    assert(resolved.kind === 'failed')
    assert.deepEqual([resolved.failure.result, retriesOf(resolved.failure)], ['timeout', 1])
  })

  it('hosts of one preference come in the order of the draw', async () => {
    const answers: MxLookup = {
      mx: async () => ['a', 'b', 'c'].map((exchange) => ({ exchange, priority: 5 })),
      addresses: async () => ['127.0.0.1'],
      system: async () => [],
    }
    const order = async (...draws: number[]): Promise<string> => {
      const random = (): number => draws.shift() ?? 0
      const resolved = await resolveMx(DOMAIN, { port: 25, lookup: answers, random })
      assert(resolved.kind === 'hosts')
      return resolved.hosts.map(({ name }) => name).join('')
    }
    assert.deepEqual(
      [await order(0.1, 0.2, 0.3), await order(0.3, 0.2, 0.1), await order(0.2, 0.9, 0.1)],
      ['abc', 'cba', 'cab'],
    )
  })

  it('a route is a name of the system, or an address', async () => {
    const route = { host: '127.0.0.9', port: 2525 }
    assert.deepEqual(await resolveRoute(route, lookup), {
      kind: 'hosts',
      hosts: [{ name: '127.0.0.9', address: '127.0.0.9', port: 2525 }],
    })
    const resolved = await resolveRoute({ host: 'localhost', port: 2525 }, lookup)
    assert(resolved.kind === 'hosts')
    assert(resolved.hosts.some(({ address }) => address === '127.0.0.1'))
    assert(resolved.hosts.every(({ name, port }) => name === 'localhost' && port === 2525))
  })

  it('a route that does not exist is a DNS failure', async () => {
    const error = Object.assign(new Error('raw text'), { code: 'ENOTFOUND' })
    const gone = { ...lookup, system: () => Promise.reject(error) }
    const resolved = await resolveRoute({ host: 'gone.example', port: 25 }, gone)
    assert(resolved.kind === 'failed')
    assert.deepEqual(resolved.failure, {
      kind: 'dns',
      domain: 'gone.example',
      result: 'nxdomain',
      text: 'the name does not exist',
    })
  })
})

/** The resolver that haraka-net-utils keeps for itself. */
function harakaResolver(): Resolver {
  const config = createRequire(__filename)('haraka-net-utils/lib/dns_config') as {
    getDnsResolver(): Resolver
  }
  return config.getDnsResolver()
}
