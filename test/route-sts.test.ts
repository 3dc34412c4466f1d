import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { Resolver } from 'node:dns/promises'
import { createServer } from 'node:https'
import type { AddressInfo, LookupFunction } from 'node:net'
import { pinOf } from '../plugins/tdc/smtp/certificate'
import { cachedLookup, type MxLookup } from '../plugins/tdc/route/mx-lookup'
import { dnsQuestions } from '../plugins/tdc/route/dns-questions'
import type { TlsPolicy } from '../plugins/tdc/smtp/options'
import { retriesOf } from '../plugins/tdc/delivery/retries'
import { makeStsFetch } from '../plugins/tdc/route/sts-fetch'
import { StsPolicies } from '../plugins/tdc/route/sts-policies'
import type { StsMode, StsPolicy } from '../plugins/tdc/route/sts-policy'
import { makeTxtLookup } from '../plugins/tdc/route/txt-lookup'
import { selfSigned } from './support/certificates'
import { FakeDns } from './support/fake-dns'
import type { TlsMaterial } from './support/fault-server'
import { anyAuthority, INTAKE, IntakeLink, outgoing, VERIFIED } from './support/intake-link'

const REFUSED = 'validation-failure: the host is not in the MTA-STS policy'
const SELF_SIGNED =
  'certificate-not-trusted: the certificate is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)'

interface Row {
  readonly what: string
  readonly mode?: StsMode
  readonly mx: string
  readonly tls?: Partial<TlsPolicy>
  /** The right key is pinned. */
  readonly pinned?: boolean
  readonly material?: () => Promise<TlsMaterial>
  /** Why nothing is sent; undefined: the copy is delivered. */
  readonly refused?: string
  /** What is told of a policy that is being tested. */
  readonly complaint?: string
  readonly sources?: readonly string[]
}

const untrusted = () => selfSigned({ names: [INTAKE] })

const ROWS: readonly Row[] = [
  { what: 'enforce, a host of the policy', mx: INTAKE, sources: ['config', 'sts'] },
  { what: 'enforce, another host', mx: 'mx.scan.example', refused: REFUSED },
  { what: 'enforce, a wildcard that is for others', mx: '*.localhost', refused: REFUSED },
  {
    what: 'enforce, verify=false, a bad certificate',
    mx: INTAKE,
    tls: { verify: false },
    material: untrusted,
    refused: SELF_SIGNED,
  },
  {
    what: 'enforce, verify=false, a good certificate',
    mx: INTAKE,
    tls: { verify: false },
    sources: ['sts'],
  },
  {
    what: 'enforce, verify=false, a pin, a bad certificate',
    mx: INTAKE,
    tls: { verify: false },
    pinned: true,
    material: untrusted,
    sources: ['pin', 'sts'],
  },
  {
    what: 'enforce, verify=false, a pin, another host',
    mx: 'mx.scan.example',
    tls: { verify: false },
    pinned: true,
    refused: REFUSED,
  },
  {
    what: 'testing, another host',
    mode: 'testing',
    mx: 'mx.scan.example',
    complaint: REFUSED,
    sources: ['config'],
  },
  {
    what: 'testing, verify=false, a bad certificate',
    mode: 'testing',
    mx: INTAKE,
    tls: { verify: false },
    material: untrusted,
    complaint: SELF_SIGNED,
    sources: [],
  },
  {
    what: 'testing, a bad certificate: the settings refuse it',
    mode: 'testing',
    mx: INTAKE,
    material: untrusted,
    refused: SELF_SIGNED,
  },
  { what: 'testing, a host of the policy', mode: 'testing', mx: INTAKE, sources: ['config'] },
  { what: 'none, another host', mode: 'none', mx: 'mx.scan.example', sources: ['config'] },
  {
    what: 'mta_sts=false, another host',
    mx: 'mx.scan.example',
    tls: { mtaSts: false },
    sources: ['config'],
  },
]

describe('MTA-STS: what a policy means for a connection (RFC 8461 section 5)', () => {
  for (const row of ROWS) {
    it(`${row.what}: ${row.refused ? 'nothing is sent' : 'sent'}`, async () => {
      const { caPem, issue } = await anyAuthority()
      const material = await (row.material?.() ?? issue({ names: [INTAKE] }))
      const pins = row.pinned ? [pinOf(new X509Certificate(material.cert)) ?? ''] : []
      const policy: StsPolicy = { mode: row.mode ?? 'enforce', mx: [row.mx], maxAge: 1000 }
      const link = await IntakeLink.start(
        { tls: material },
        {
          route: undefined,
          lookup: mxHosts(INTAKE),
          tls: { ...VERIFIED, ca: caPem, pins, ...row.tls },
          stsPolicyOf: () => Promise.resolve(policy),
        },
      )
      const opened = await link.open()
      if (row.refused === undefined) {
        assert(opened.kind === 'open', JSON.stringify(opened))
        assert.equal((await opened.session.send(outgoing())).outcome.kind, 'delivered')
        opened.session.destroy()
      } else {
        assert(opened.kind === 'failed' && opened.failure.kind === 'tls', JSON.stringify(opened))
        assert.equal(`${opened.failure.reason}: ${opened.failure.text}`, row.refused)
        assert.equal(retriesOf(opened.failure), 0)
        if (row.refused === REFUSED) assert.equal(link.server.connections.length, 0)
      }
      const sources = link.events.flatMap((e) => (e.kind === 'tls-success' ? [e.policy] : []))
      assert.deepEqual(sources, row.sources ? [row.sources] : [])
      const complaints = link.events.flatMap((event) =>
        event.kind === 'sts-testing' ? [`${event.reason}: ${event.text}`] : [],
      )
      assert.deepEqual(complaints, row.complaint === undefined ? [] : [row.complaint])
      await link.close()
    })
  }

  it('a host that the policy does not have is passed over for one that it has', async () => {
    const link = await IntakeLink.start(
      {},
      {
        route: undefined,
        lookup: mxHosts('mx.evil.example', INTAKE),
        stsPolicyOf: () => Promise.resolve({ mode: 'enforce', mx: [INTAKE], maxAge: 1000 }),
      },
    )
    const session = await link.session()
    assert.equal(session.dcid, 1)
    assert.deepEqual(link.events[0], {
      kind: 'tls-failed',
      dcid: 0,
      host: 'mx.evil.example',
      remote: '127.0.0.1',
      reason: 'validation-failure',
      text: 'the host is not in the MTA-STS policy',
    })
    session.destroy()
    await link.close()
  })

  it('a route is the own choice of the administrator: no policy is asked for', async () => {
    let asked = 0
    const stsPolicyOf = () => Promise.resolve(void asked++)
    const link = await IntakeLink.start({}, { stsPolicyOf })
    const session = await link.session()
    assert.equal(asked, 0)
    session.destroy()
    await link.close()
  })

  it('the whole way: record, policy file and MX from a DNS and a web server', async () => {
    const domain = 'scan.example'
    const authority = await anyAuthority()
    const web = createServer(
      await authority.issue({ names: [`mta-sts.${domain}`] }),
      (_, response) => {
        const policy = `version: STSv1\r\nmode: enforce\r\nmx: *.${domain}\r\nmax_age: 86400\r\n`
        response.writeHead(200, { 'content-type': 'text/plain' }).end(policy)
      },
    )
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
    const a = ['127.0.0.1']
    const dns = await FakeDns.start({
      [domain]: {
        mx: [
          [5, 'mx.evil.example'],
          [10, `mx.${domain}`],
        ],
      },
      [`_mta-sts.${domain}`]: { txt: ['v=STSv1; id=20260101;'] },
      [`mta-sts.${domain}`]: { a },
      [`mx.${domain}`]: { a },
      'mx.evil.example': { a },
    })
    const resolver = new Resolver()
    resolver.setServers([dns.address])
    const getMx = (name: string) => resolver.resolveMx(name)
    const byDns: LookupFunction = (name, options, done) => {
      resolver.resolve4(name).then(
        ([address = '']) =>
          options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4),
        (error: Error) => done(error, ''),
      )
    }
    const tls = await authority.issue({ names: [`mx.${domain}`, 'mx.evil.example'] })
    const link = await IntakeLink.start({ tls }, (port) => ({ domain, route: undefined, port }))
    const { clock } = link
    const policies = new StsPolicies({
      txt: makeTxtLookup(resolver),
      fetch: makeStsFetch(clock, () => true, {
        port: (web.address() as AddressInfo).port,
        ca: authority.caPem,
        lookup: byDns,
      }),
      clock,
      reportOf: () => (event) => link.events.push(event),
    })
    Object.assign(link.options, {
      stsPolicyOf: policies.of,
      lookup: cachedLookup(dnsQuestions(getMx, resolver), clock),
    })
    const session = await link.session()
    const { outcome } = await session.send(outgoing())
    assert(outcome.kind === 'delivered')
    assert.equal(outcome.taker?.host, `mx.${domain}`, 'not the one that comes first in the DNS')
    assert.deepEqual(link.kinds().slice(0, 4), [
      'sts-policy',
      'tls-failed',
      'connected',
      'tls-success',
    ])
    const questions = dns.questions.filter((question) => question.includes('mta-sts'))
    assert.deepEqual(questions, [`TXT _mta-sts.${domain}`, `A mta-sts.${domain}`])
    session.destroy()
    web.closeAllConnections()
    await Promise.all([link.close(), dns.close(), new Promise((resolve) => web.close(resolve))])
  })
})

/** MX hosts in this order, all of them on the loopback. */
function mxHosts(...names: string[]): MxLookup {
  return {
    mx: async () => names.map((exchange, at) => ({ exchange, priority: at })),
    addresses: async () => ['127.0.0.1'],
    system: () => Promise.reject(new Error('no DNS here')),
  }
}
