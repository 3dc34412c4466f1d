import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { pinOf } from '../plugins/tdc/smtp/certificate'
import { createAuthority } from './support/certificates'
import type { HarakaServer } from './support/haraka'
import { sendMail } from './support/smtp-client'
import { Stage } from './support/stage'

const DOMAIN = 'scan.example'
const DAY = 86_400_000

describe('TLS of a real gateway', function () {
  this.timeout(60_000)

  let stage: Stage
  let server: HarakaServer
  let certificate: X509Certificate

  before(async () => {
    const authority = await createAuthority()
    const tls = await authority.issue({
      names: [`mx.${DOMAIN}`],
      notAfter: new Date(Date.now() + 1.5 * DAY),
    })
    certificate = new X509Certificate(tls.cert)
    stage = await Stage.start(
      { [DOMAIN]: { tls }, 'other.example': {} },
      authority,
      // Nobody answers for the policy host: example domains have no address.
      { [`_mta-sts.${DOMAIN}`]: { txt: ['v=STSv1; id=1'] } },
    )
    server = await stage.gateway({
      domains: ['example.com', 'example.net'],
      tdc: '',
      config: {
        'tdc.ini': settings(stage.port, pinOf(certificate) ?? ''),
        'log.ini': '[main]\nlevel=debug\ntimestamps=false\nformat=default\n',
      },
    })
    for (let n = 0; n < 3; n++) await mail('bob@example.com')
    for (let n = 0; n < 3; n++) await server.waitForLine(/ was successfully delivered /, 20_000)
  })
  after(() => stage.close())

  async function mail(to: string): Promise<void> {
    const raw = Buffer.from('Subject: x\r\n\r\nhello\r\n')
    const reply = await sendMail(server, { from: 'ann@sender.example', to: [to], raw })
    assert.equal(reply.code, 250)
  }

  const linesWith = (text: string) => server.log.filter((line) => line.includes(text))

  it('tells at level debug what the session is, behind the line of the appliance', () => {
    const [success = ''] = linesWith(' TLS success ')
    const [, dcid] = /\] DCID (\d+) TLS success protocol TLSv1\.3 cipher \w+$/.exec(success) ?? []
    assert(dcid, success)
    const [details = ''] = linesWith(`TDC: DCID ${dcid} TLS details `)
    const end = new Date(certificate.validTo).toISOString().slice(0, 19)
    const sha256 = certificate.fingerprint256.replaceAll(':', '').toLowerCase()
    assert.equal(
      // Which group depends on OpenSSL.
      details.replace(/ group \S+ /, ' group GROUP '),
      `[DEBUG] [-] [tdc] TDC: DCID ${dcid} TLS details host mx.${DOMAIN} sni mx.${DOMAIN} ` +
        `group GROUP authorized yes policy config,pin,names issuer CN=Test Root ends ${end}Z sha256 ${sha256}`,
    )
  })

  it('warns of the end of the certificate once, over several connections', () => {
    const warnings = linesWith('TDC: The certificate of ')
    assert.equal(warnings.length, 1, warnings.join('\n'))
    assert(linesWith(' TLS success ').length > 1)
    assert.match(
      warnings[0] ?? '',
      /^\[WARN\] \[-\] \[tdc\] .* of mx\.scan\.example for the intake domain scan\.example ends in 1 day, /,
    )
  })

  it('delivers where the MTA-STS policy cannot be fetched, and says so', () => {
    const [line = ''] = linesWith('TDC: MTA-STS policy of ')
    assert.match(
      line,
      /^\[WARN\] \[-\] \[tdc\] TDC: MTA-STS policy of scan\.example cannot be had: sts-policy-fetch-error: \w+; none is in force$/,
    )
  })

  it('does not connect to a host whose name is not in the list', async () => {
    await mail('bob@example.net')
    const line = await server.waitForLine(/ TLS failed with mx\.other\.example /)
    assert.match(line, /TDC: DCID 0 TLS failed .*: the host is not one of \[tls\] names$/)
    await server.waitForLine(/TDC: Message \S+ delivery failed to .*: TLS Error\.$/)
    assert.equal(stage.intake('other.example').connections.length, 0)
  })
})

function settings(port: number, pin: string): string {
  return `[main]
enabled=true
intake_address=journal@${DOMAIN}
[policy.other]
recipients=listed
recipient_list[]=@example.net
intake=custom
intake_address=journal@other.example
[policy.DEFAULT]
intake=default
[delivery]
port=${port}
min_connections=2
allow_private=true
idle_timeout=0
[tls]
ca_file=trusted.pem
pin=sha256//${pin}
names=mx.${DOMAIN}
`
}
