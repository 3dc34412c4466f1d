import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { systemClock } from '../plugins/tdc/clock'
import { DnsClient, type DnsServer } from '../plugins/tdc/route/dns-client'
import { dnsFailureOf } from '../plugins/tdc/route/dns-failure'
import { secureLookup } from '../plugins/tdc/route/secure-lookup'
import { selfSigned } from './support/certificates'
import { FaultServer } from './support/fault-server'
import { IntakeLink, VERIFIED } from './support/intake-link'
import { ClearingProxy, missingForUnbound, type TestZone, Unbound } from './support/unbound'

const ANY = 'ab'.repeat(32)

/** Its records are of another digest than the one that was signed. */
const BOGUS = 'cd'.repeat(32)

/** By domain: what a connection to it ends with. */
const ENDS: Readonly<Record<string, string>> = {
  'signed.test': 'dane',
  'many.signed.test': 'dane',
  'alias.signed.test': 'dane',
  'implicit.signed.test': 'dane',
  'wrong.signed.test': 'tlsa-invalid',
  'absent.signed.test': 'certificate-not-trusted',
  'unusable.signed.test': 'certificate-not-trusted',
  'out.signed.test': 'certificate-not-trusted',
  'unsigned.test': 'certificate-not-trusted',
  'tampered.test': 'dns-error TLSA ServFail',
  'bogus.test': 'dns-error MX ServFail',
  'gone.signed.test': 'dns-error MX NXDomain',
}

function zones(port: number, digest: string): readonly TestZone[] {
  const host = (name: string, ...tlsa: string[]): string[] => [
    `${name} 60 IN A 127.0.0.1`,
    ...tlsa.map((data) => `_${port}._tcp.${name} 60 IN TLSA ${data}`),
  ]
  const good = `3 1 1 ${digest}`
  const mx = (name: string, host: string): string => `${name} 60 IN MX 10 ${host}`
  // More than an answer by UDP holds.
  const others = Array.from({ length: 40 }, (_, at) => `3 0 2 ${String(10 + at).repeat(64)}`)
  const signed = {
    name: 'signed.test',
    signed: true,
    records: [
      ...[mx('@', 'mx'), ...host('mx', good)],
      ...[mx('many', 'mx.many'), ...host('mx.many', ...others, good)],
      ...[mx('alias', 'mx.alias'), 'mx.alias 60 IN CNAME mx'],
      ...host('implicit', good),
      ...[mx('wrong', 'mx.wrong'), ...host('mx.wrong', `3 1 1 ${ANY}`)],
      ...[mx('absent', 'mx.absent'), ...host('mx.absent')],
      ...[mx('unusable', 'mx.unusable'), ...host('mx.unusable', `1 1 1 ${digest}`)],
      mx('out', 'mx.unsigned.test.'),
    ],
  }
  const tampered = {
    name: 'tampered.test',
    signed: true,
    records: [mx('@', 'mx'), ...host('mx', `3 1 1 ${ANY}`)],
    spoil: (file: string) => file.replace(ANY, BOGUS),
  }
  const bogus = {
    name: 'bogus.test',
    signed: true,
    records: [mx('@', 'mx'), ...host('mx', good)],
    spoil: (file: string) => file.replace('MX\t10 mx.', 'MX\t20 mx.'),
  }
  const unsigned = {
    name: 'unsigned.test',
    signed: false,
    records: [mx('@', 'mx'), ...host('mx', good)],
  }
  return [signed, tampered, bogus, unsigned]
}

const missing = missingForUnbound()

describe(`DANE by a real validating resolver${missing ? `: left out, there is no ${missing}` : ''}`, function () {
  if (missing) return
  this.timeout(30_000)

  let unbound: Unbound
  let proxy: ClearingProxy
  let intake: FaultServer

  before(async () => {
    const tls = await selfSigned({ names: ['mx.other.example'] })
    intake = await FaultServer.start({ tls })
    const key = new X509Certificate(tls.cert).publicKey.export({ type: 'spki', format: 'der' })
    const digest = createHash('sha256').update(key).digest('hex')
    unbound = await Unbound.start(zones(intake.port, digest))
    proxy = await ClearingProxy.start(unbound.server)
  })
  after(async () => {
    await Promise.all([proxy.close(), unbound.close(), intake.close()])
  })

  /** What a connection to a domain satisfied, or why there is none. */
  async function endOf(domain: string, server: DnsServer): Promise<string> {
    const found = secureLookup(new DnsClient([server], systemClock), systemClock)
    const link = await IntakeLink.start({}, () => ({
      ...found,
      domain,
      route: undefined,
      port: intake.port,
      tls: { ...VERIFIED, mtaSts: false, ca: undefined },
    }))
    const opened = await link.open()
    if (opened.kind === 'open') opened.session.destroy()
    await link.close()
    for (const event of link.events) {
      if (event.kind === 'tls-success') return event.policy.join(', ')
      if (event.kind === 'tls-failed') return event.reason
      if (event.kind === 'dns-error') return `dns-error ${event.question ?? 'MX'} ${event.result}`
    }
    return 'nothing'
  }

  for (const [domain, end] of Object.entries(ENDS)) {
    it(`${domain}: ${end}`, async () => assert.equal(await endOf(domain, unbound.server), end))
  }

  for (const [name, type] of [
    ['bogus.test', 'MX'],
    ['_25._tcp.mx.tampered.test', 'TLSA'],
  ] as const) {
    it(`what is wrong with ${type} of ${name} is said`, async () => {
      const asked = type === 'TLSA' ? name.replace('_25', `_${intake.port}`) : name
      const asking = new DnsClient([unbound.server], systemClock).ask(asked, type)
      const error = await asking.catch((reason: unknown) => reason)
      assert.match(
        dnsFailureOf(name, error).text,
        /^DNSSEC: the signatures of the answer are wrong/,
      )
    })
  }

  it('where somebody takes the AD bit away there is no DANE, and no lesser certificate', async () => {
    assert.equal(await endOf('signed.test', proxy.server), 'certificate-not-trusted')
  })
})
