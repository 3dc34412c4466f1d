import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import type { CheckedDomain } from '../plugins/tdc/delivery/check'
import type { Status } from '../plugins/tdc/monitor/status'
import { createAuthority, type KeyAndCertificate, selfSigned } from './support/certificates'
import type { Ended, HarakaServer } from './support/haraka'
import { sendMail } from './support/smtp-client'
import { Stage } from './support/stage'
import { missingForUnbound, type TestZone, Unbound } from './support/unbound'

/** One intake. Its domain is signed, its name and key are in [tls] names and pin. */
interface Row {
  readonly domain: string
  /** `own`: of a key that only a TLSA record can vouch for; `trusted`: good for its name by [tls] ca_file. */
  readonly certificate: 'own' | 'trusted'
  /** Of which key its TLSA record is; `forged`: of the right one, put in after the zone was signed. */
  readonly record: 'right' | 'another' | 'forged' | 'none'
  readonly satisfied?: string
  /** The end of the log line that gives up the copy, and of what `check` says. */
  readonly givenUp?: string
  readonly counted: string
}

const UNLIKE = 'no certificate of the server is that of the TLSA records of mx.another.test (3 1 1)'
const SELF_SIGNED = 'the certificate is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)'

const ROWS: Readonly<Record<string, Row>> = {
  'goes to a server whose only voucher is its TLSA record': {
    ...{ domain: 'right.test', certificate: 'own', record: 'right' },
    ...{ satisfied: 'pin, names, DANE', counted: 'pin, names, dane' },
  },
  'goes without a TLSA record to a server with a certificate that is trusted': {
    ...{ domain: 'chain.test', certificate: 'trusted', record: 'none' },
    ...{ satisfied: 'chain and name, pin, names', counted: 'config, pin, names' },
  },
  'does not go to a server with a trusted certificate when its TLSA record is of another key': {
    ...{ domain: 'another.test', certificate: 'trusted', record: 'another' },
    ...{ givenUp: `tlsa-invalid: ${UNLIKE}`, counted: 'tlsa-invalid' },
  },
  'does not go without a TLSA record to a server with a certificate of its own': {
    ...{ domain: 'own.test', certificate: 'own', record: 'none' },
    ...{ givenUp: `certificate-not-trusted: ${SELF_SIGNED}`, counted: 'certificate-not-trusted' },
  },
  'does not go when the TLSA record is not what was signed': {
    ...{ domain: 'forged.test', certificate: 'own', record: 'forged' },
    ...{ givenUp: '(TLSA) : ServFail', counted: 'dnssec-invalid' },
  },
}

const DOMAINS = Object.values(ROWS).map(({ domain }) => domain)
/** Whose mail is copied there. */
const userOf = (domain: string): string => `${domain}@example.com`
const ANOTHER = 'ab'.repeat(32)

const missing = missingForUnbound()

describe(`DANE through a gateway${missing ? `: left out, there is no ${missing}` : ''}`, function () {
  if (missing) return
  this.timeout(60_000)

  let stage: Stage
  let unbound: Unbound
  let server: HarakaServer
  let status: { text: string; value: Status }
  let check: { text: Ended; domains: readonly CheckedDomain[] }

  before(async () => {
    const authority = await createAuthority()
    const certificates: Record<Row['certificate'], KeyAndCertificate> = {
      own: await selfSigned({ names: ['mx.elsewhere.example'] }),
      trusted: await authority.issue({ names: DOMAINS.map((domain) => `mx.${domain}`) }),
    }
    const sites = Object.values(ROWS).map(
      ({ domain, certificate }) => [domain, { tls: certificates[certificate] }] as const,
    )
    stage = await Stage.start(Object.fromEntries(sites), authority)
    const right = sha256Of(certificates.own)
    unbound = await Unbound.start(Object.values(ROWS).map((row) => zone(stage, row, right)))
    const pins = Object.values(certificates).map(sha256Of)
    const tdc = settings(stage.port, unbound.server.port, pins)
    server = await stage.gateway({ domains: ['example.com'], tdc })
    for (const domain of DOMAINS) {
      const raw = Buffer.from(`Subject: for ${domain}\r\n\r\nhello\r\n`)
      await sendMail(server, { from: 'ann@sender.example', to: [userOf(domain)], raw })
    }
  })
  after(async () => {
    await stage?.close()
    await unbound?.close()
  })

  for (const [what, { domain, givenUp }] of Object.entries(ROWS)) {
    it(`a copy ${what}; the original arrives`, async () => {
      const enqueued = await server.waitForLine(` to the message intake address journal@${domain}`)
      const mid = / MID (\S+) /.exec(enqueued)?.[1] ?? 'none'
      const end = givenUp
        ? `Message ${mid} delivery failed to `
        : `Message finished MID ${mid} done`
      await server.waitForLine(end)
      const why = server.log.filter((line) => line.includes(mid) && /TLS failed|Hard b/.test(line))
      assert.equal(why.length, givenUp ? 1 : 0, why.join('\n'))
      if (givenUp) assert(why[0]?.endsWith(`${givenUp}'])`), why[0])
      const copies = stage.intake(domain).messages.map(({ raw }) => String(raw))
      assert.equal(copies.length, givenUp ? 0 : 1)
      for (const copy of copies) assert(copy.includes(`Subject: for ${domain}\r\n`))
      const originals = await stage.mailbox.messages.atLeast(DOMAINS.length, 10_000, 'originals')
      assert.equal(originals.filter(({ to }) => to.join() === userOf(domain)).length, 1)
    })
  }

  it('is told by `status` and `check`, with what was satisfied', async () => {
    const text = (await server.tdc('status')).out
    status = { text, value: JSON.parse((await server.tdc('status', '--json')).out) as Status }
    check = {
      text: await server.tdc('check'),
      ...(JSON.parse((await server.tdc('check', '--json')).out) as { domains: CheckedDomain[] }),
    }
    // Some of the intakes cannot be delivered to.
    assert.equal(check.text.code, 1)
  })
  for (const { domain, satisfied, givenUp, counted } of Object.values(ROWS)) {
    it(`${domain}: ${satisfied ?? counted}`, () => {
      const figures = status.value.domains[domain]?.tls
      assert.deepEqual(Object.keys(figures?.satisfied ?? {}), satisfied ? [counted] : [])
      const results = Object.entries(figures?.results ?? {}).filter(([, count]) => count > 0)
      assert.deepEqual(
        results.map(([result]) => result),
        givenUp ? [counted] : [],
      )
      const ofStatus = partOf(status.text, new RegExp(`^${domain} is `, 'm'))
      assert.match(ofStatus, satisfied ? new RegExp(`TLS satisfied +${satisfied} \\(`) : / +-$/m)
      const ofCheck = partOf(check.text.out, new RegExp(`^${domain}:`, 'm'))
      const [host] = check.domains.find((each) => each.domain === domain)?.hosts ?? []
      if (satisfied) {
        assert.match(ofCheck, new RegExp(`^ +Satisfied +${satisfied}$`, 'm'))
        assert.equal(host?.tls?.satisfied.join(', '), counted)
      } else {
        assert.match(ofCheck, /^ +Problem +\w/m)
        assert(!ofCheck.includes('Satisfied'))
        assert.equal(host?.tls, null)
      }
    })
  }
})

/** From where it begins to the next empty line. */
function partOf(text: string, begin: RegExp): string {
  return text.slice(text.search(begin)).split('\n\n', 1)[0] ?? ''
}

function zone(stage: Stage, { domain, record }: Row, right: Buffer): TestZone {
  const signed = record === 'right' ? right.toString('hex') : ANOTHER
  const records = ['@ 60 IN MX 10 mx', `mx 60 IN A ${stage.address(domain)}`]
  const tlsa = `_${stage.port}._tcp.mx 60 IN TLSA 3 1 1 ${signed}`
  const spoil = (file: string) => file.replace(ANOTHER, right.toString('hex'))
  return {
    ...{ name: domain, signed: true },
    records: record === 'none' ? records : [...records, tlsa],
    ...(record === 'forged' ? { spoil } : {}),
  }
}

function sha256Of({ cert }: KeyAndCertificate): Buffer {
  const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest()
}

function settings(port: number, resolver: number, pins: readonly Buffer[]): string {
  const policies = DOMAINS.map(
    (domain, at) => `[policy.p${at}]
recipients=listed
recipient_list[]=${userOf(domain)}
intake=custom
intake_address=journal@${domain}
`,
  )
  return `[main]
enabled=true
${policies.join('')}[delivery]
port=${port}
retry_delay=0
[tls]
resolver=127.0.0.1:${resolver}
pin=${pins.map((pin) => `sha256//${pin.toString('base64')}`).join(',')}
names=${DOMAINS.map((domain) => `mx.${domain}`).join(',')}
`
}
