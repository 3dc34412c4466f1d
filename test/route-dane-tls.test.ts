import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import type { Dane } from '../plugins/tdc/route/dane'
import { usableOf } from '../plugins/tdc/smtp/tlsa'
import { pinOf } from '../plugins/tdc/smtp/certificate'
import type { TlsPolicy } from '../plugins/tdc/smtp/options'
import type { StsPolicy } from '../plugins/tdc/route/sts-policy'
import { type Authority, createAuthority, selfSigned, WEAK_CIPHERS } from './support/certificates'
import type { TlsMaterial } from './support/fault-server'
import { IntakeLink, VERIFIED } from './support/intake-link'

const DOMAIN = 'scan.example'
const MX = 'mx.scan.example'
const DAY = 86_400_000

/** What a server shows, and the PEM of what a record may be of. */
interface Shown extends TlsMaterial {
  readonly anchor?: string
}

type Fields = readonly [usage: number, selector: number, matching: number]

interface Row {
  readonly what: string
  readonly shown: () => Promise<Shown>
  /** The records, each of the server's own certificate, or (usage 2) of its anchor. */
  readonly records: readonly Fields[]
  /** They are of another certificate. */
  readonly wrong?: true
  readonly tls?: Partial<TlsPolicy>
  readonly pinned?: true
  readonly sts?: StsPolicy
  /** What was satisfied, or why there is no session. */
  readonly then: string
}

const joined = (...pem: readonly string[]): string => pem.join('\n')

const wild = () => selfSigned({ names: ['x'], notBefore: new Date(0), notAfter: new Date(DAY) })

/** A server whose intermediate is sent with it. */
const chained = async (
  options: Parameters<Authority['issue']>[0] = { names: [MX] },
  below: Parameters<Authority['below']>[0] = {},
): Promise<Shown> => {
  const middle = await (await createAuthority()).below(below)
  const { key, cert } = await middle.issue(options)
  return { key, cert: joined(cert, middle.caPem), anchor: middle.caPem }
}

/** A server whose whole chain up to the root is sent. */
const rooted = async (below: Parameters<Authority['below']>[0] = {}): Promise<Shown> => {
  const root = await createAuthority('Root')
  const middle = await root.below(below)
  const { key, cert } = await middle.issue({ names: [MX] })
  // Not in order, which TLS 1.3 allows (RFC 8446 section 4.4.2).
  return { key, cert: joined(cert, root.caPem, middle.caPem), anchor: root.caPem }
}

const expired = { notBefore: new Date(Date.now() - 2 * DAY), notAfter: new Date(Date.now() - DAY) }
const ENFORCE: StsPolicy = { mode: 'enforce', mx: ['mx.other.example'], maxAge: DAY }

const ROWS: readonly Row[] = [
  ...([0, 1] as const).flatMap((selector) =>
    ([0, 1, 2] as const).flatMap((matching): Row[] => [
      {
        what: `3 ${selector} ${matching} of a certificate that is expired, self-signed, of another name`,
        shown: wild,
        records: [[3, selector, matching]],
        then: 'dane',
      },
      {
        what: `2 ${selector} ${matching} of an authority that the server sends`,
        shown: chained,
        records: [[2, selector, matching]],
        then: 'dane',
      },
    ]),
  ),
  {
    what: '3 1 1 of another key',
    shown: wild,
    records: [[3, 1, 1]],
    wrong: true,
    then: `tlsa-invalid: no certificate of the server is that of the TLSA records of ${MX} (3 1 1)`,
  },
  {
    what: 'a certificate by a trusted root, and records of another: DANE decides',
    shown: chained,
    records: [
      [3, 1, 1],
      [2, 0, 1],
    ],
    wrong: true,
    then: `tlsa-invalid: no certificate of the server is that of the TLSA records of ${MX} (3 1 1, 2 0 1)`,
  },
  {
    what: '2 1 1 of a root behind an intermediate, sent in disorder',
    shown: () => rooted(),
    records: [[2, 1, 1]],
    then: 'dane',
  },
  {
    what: '2 0 0, and the server does not send the authority (RFC 7671 section 5.2.2)',
    shown: async () => {
      const shown = await chained()
      const [leaf = ''] = shown.cert.split(/(?<=-----END CERTIFICATE-----)/)
      return { ...shown, cert: leaf }
    },
    records: [[2, 0, 0]],
    then: 'dane',
  },
  {
    what: '2 1 1, and the server does not send the authority',
    shown: async () => {
      const shown = await chained()
      const [leaf = ''] = shown.cert.split(/(?<=-----END CERTIFICATE-----)/)
      return { ...shown, cert: leaf }
    },
    records: [[2, 1, 1]],
    then: `tlsa-invalid: no certificate of the server is that of the TLSA records of ${MX} (2 1 1)`,
  },
  {
    what: '2 1 1, the certificate is of the intake domain itself',
    shown: () => chained({ names: [DOMAIN] }),
    records: [[2, 1, 1]],
    then: 'dane',
  },
  {
    what: '2 1 1, the certificate is of another host',
    shown: () => chained({ names: ['mx.other.example'] }),
    records: [[2, 1, 1]],
    then: 'certificate-host-mismatch: the certificate names other hosts: DNS:mx.other.example',
  },
  {
    what: '2 1 1, the certificate has expired',
    shown: () => chained({ names: [MX], ...expired }),
    records: [[2, 1, 1]],
    then: 'certificate-expired: a certificate has expired',
  },
  {
    what: '2 1 1, the authority between has expired',
    shown: () => rooted(expired),
    records: [[2, 1, 1]],
    then: 'certificate-expired: a certificate has expired',
  },
  {
    what: '2 1 1, the certificate is signed with SHA-1',
    shown: async () => ({
      ...(await chained({ names: [MX], hash: 'SHA-1' })),
      ciphers: WEAK_CIPHERS,
    }),
    records: [[2, 1, 1]],
    then: 'certificate-not-trusted: a certificate is signed with a digest too weak',
  },
  {
    what: '2 1 1, the certificate has an RSA key of 1,024 bits',
    shown: async () => ({ ...(await chained({ names: [MX], rsa: 1024 })), ciphers: WEAK_CIPHERS }),
    records: [[2, 1, 1]],
    then: 'certificate-not-trusted: a certificate has a key that is too weak',
  },
  {
    what: '2 1 1 of an authority that did not issue what stands before it',
    shown: async () => {
      const [one, other] = [await chained(), await createAuthority('Other')]
      return { ...one, cert: joined(one.cert, other.caPem), anchor: other.caPem }
    },
    records: [[2, 1, 1]],
    then: `tlsa-invalid: no certificate of the server is that of the TLSA records of ${MX} (2 1 1)`,
  },
  {
    what: '2 1 1 of one of the same name, with another key, that is no authority of it',
    shown: async () => {
      const [one, other] = [await chained(), await (await createAuthority()).below()]
      return { ...one, cert: joined(one.cert, other.caPem), anchor: other.caPem }
    },
    records: [[2, 1, 1]],
    then: `tlsa-invalid: no certificate of the server is that of the TLSA records of ${MX} (2 1 1)`,
  },
  {
    what: '2 1 1 of a server certificate that "issued" another: it is no authority',
    shown: async () => {
      const authority = await createAuthority()
      const { key, cert } = await authority.issue({ names: [MX] })
      return { key, cert: joined(cert, cert), anchor: cert }
    },
    records: [[2, 1, 1]],
    then: `tlsa-invalid: no certificate of the server is that of the TLSA records of ${MX} (2 1 1)`,
  },
  {
    what: 'verify=false: DANE decides all the same',
    shown: wild,
    records: [[3, 1, 1]],
    wrong: true,
    tls: { verify: false },
    then: `tlsa-invalid: no certificate of the server is that of the TLSA records of ${MX} (3 1 1)`,
  },
  {
    what: 'verify=false and a pin: the pin alone decides',
    shown: wild,
    records: [[3, 1, 1]],
    wrong: true,
    pinned: true,
    tls: { verify: false },
    then: 'pin',
  },
  {
    what: 'a pin and DANE: both are satisfied',
    shown: wild,
    records: [[3, 1, 1]],
    pinned: true,
    then: 'pin, dane',
  },
  {
    what: 'a pin and DANE: the pin is not of DANE',
    shown: wild,
    records: [[3, 1, 1]],
    wrong: true,
    pinned: true,
    then: `tlsa-invalid: no certificate of the server is that of the TLSA records of ${MX} (3 1 1)`,
  },
  {
    what: 'an MTA-STS policy without the host, and DANE satisfied (RFC 8461 section 2)',
    shown: wild,
    records: [[3, 1, 1]],
    sts: ENFORCE,
    then: 'dane',
  },
  {
    what: 'an MTA-STS policy with the host, and DANE not satisfied (RFC 8461 section 2)',
    shown: chained,
    records: [[3, 1, 1]],
    wrong: true,
    sts: { ...ENFORCE, mx: [MX] },
    then: `tlsa-invalid: no certificate of the server is that of the TLSA records of ${MX} (3 1 1)`,
  },
  {
    what: 'names without the host',
    shown: wild,
    records: [[3, 1, 1]],
    tls: { names: ['mx.other.example'] },
    then: 'validation-failure: the host is not one of [tls] names',
  },
  {
    what: 'no usable records: the trusted roots decide',
    shown: () => rooted(),
    records: [],
    then: 'config',
  },
  {
    what: 'no usable records: a self-signed certificate is none',
    shown: () => selfSigned({ names: [MX] }),
    records: [],
    then: 'certificate-not-trusted: the certificate is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)',
  },
  {
    what: 'dane=require and no records',
    shown: chained,
    records: [],
    tls: { dane: 'require' },
    then: 'dane-required: [tls] dane=require, but there are none',
  },
  {
    what: 'dane=require, verify=false and a pin: both',
    shown: wild,
    records: [[3, 1, 1]],
    pinned: true,
    tls: { verify: false, dane: 'require' },
    then: 'pin, dane',
  },
]

describe('DANE: the certificates of a session', () => {
  for (const row of ROWS) {
    it(`${row.what}: ${row.then.split(':')[0]}`, async () => {
      const shown = await row.shown()
      const of = row.wrong ? await chained() : shown
      const link = await start(row, shown, daneOf(row.records, of))
      link.clock.setWall(Date.now())
      const opened = await link.open()
      assert.equal(resultOf(link), row.then)
      assert.equal(opened.kind === 'open', !row.then.includes(':'))
      if (opened.kind === 'open') {
        opened.session.destroy()
        assert.equal(
          link.server.connections[0]?.seen.tls?.servername,
          MX,
          'SNI (RFC 7672 section 8.1)',
        )
      }
      await link.close()
    })
  }

  it('a host of which DANE cannot be known is not connected to, and the next one is', async () => {
    const shown = await wild()
    const failure = {
      kind: 'dns',
      domain: '_25._tcp.bad',
      result: 'servfail',
      text: 'x',
      question: 'TLSA',
    } as const
    const good = daneOf([[3, 1, 1]], shown)
    const link = await IntakeLink.start({ tls: shown }, (port) => ({
      ...place(port, 'bad.scan.example', MX),
      dane: async (_, { name }) => (name === MX ? good : { kind: 'failed', failure }),
    }))
    const opened = await link.open()
    assert.equal(opened.kind, 'open')
    const why = 'the host bad.scan.example is not used'
    assert.deepEqual(link.events[0], {
      kind: 'dns-error',
      domain: '_25._tcp.bad',
      question: 'TLSA',
      result: 'ServFail',
      why,
    })
    assert.deepEqual(link.kinds(), ['dns-error', 'connected', 'tls-success'])
    if (opened.kind === 'open') opened.session.destroy()
    await link.close()
  })
})

/** One session that ends with `shown`, and by which records. */
function daneOf(records: readonly Fields[], { cert, anchor }: Shown): Dane {
  const own = new X509Certificate(cert)
  const data = records.map(([usage, selector, matching]) => {
    const of = usage === 2 ? new X509Certificate(anchor ?? '') : own
    const octets = selector === 0 ? of.raw : of.publicKey.export({ type: 'spki', format: 'der' })
    const digest = [undefined, 'sha256', 'sha512'][matching]
    return {
      usage,
      selector,
      matching,
      data: digest === undefined ? octets : createHash(digest).update(octets).digest(),
    }
  })
  const usable = usableOf(data)
  if (usable.length === 0) return { kind: 'none', why: 'there are none' }
  return { kind: 'usable', demand: { base: MX, records: usable, names: [MX, DOMAIN] } }
}

async function start(row: Row, shown: Shown, dane: Dane): Promise<IntakeLink> {
  const pins = row.pinned ? [pinOf(new X509Certificate(shown.cert)) ?? ''] : []
  // A chain is trusted by its anchor, so that only DANE can be what refuses it.
  const { anchor, ...tls } = shown
  return IntakeLink.start({ tls }, (port) => ({
    ...place(port, MX),
    dane: () => Promise.resolve(dane),
    tls: { ...VERIFIED, ca: anchor, pins, ...row.tls },
    stsPolicyOf: () => Promise.resolve(row.sts),
  }))
}

const place = (port: number, ...names: readonly string[]) => ({
  domain: DOMAIN,
  route: undefined,
  port,
  lookup: {
    mx: async () => names.map((exchange, priority) => ({ exchange, priority })),
    addresses: async () => ['127.0.0.1'],
    system: () => Promise.reject(new Error('no DNS here')),
  },
})

/** What the session satisfied, or why there is none. */
function resultOf({ events }: IntakeLink): string {
  for (const event of events) {
    if (event.kind === 'tls-success') return event.policy.join(', ')
    if (event.kind === 'tls-failed') return `${event.reason}: ${event.text}`
  }
  return 'nothing'
}
