import assert from 'node:assert/strict'
import { type Attachment, simpleParser } from 'mailparser'
import type { Email } from 'postal-mime'
import { createAuthority } from './support/certificates'
import { INTAKE_ADDRESS, MailPath } from './support/mail-path'
import { type Mailbox, startMailbox } from './support/mailbox'
import { type Postfix, startPostfix, whatIsMissing } from './support/postfix'
import { SmtpClient } from './support/smtp-client'

const PLAIN_ADDRESS = 'plain@scan.example'
const B = 'sep42'

/** Where a CR is put into a message of two parts: there is a mark for each place. */
const PLACES = 10
const CRS = ['\r', '\r\r', '\r\r\n', '\r\n\r']

function message(subject: string, place: number, cr: string): Buffer {
  const at = (here: number, otherwise = '') => (here === place ? cr : otherwise)
  const lines = [
    `Subject: ${subject}`,
    'From: alice@example.net',
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${B}"`,
    '',
    `preamble${at(0)}`,
    `--${B}${at(1)}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Transfer-Encoding: quoted-printable${at(2)}`,
    '',
    `hello${at(3)}--${B}--`,
    `still the =${at(4)}`,
    `first part${at(5)}`,
    `${at(6)}--${B}`,
    `Content-Type: text/html; name="second.html"${at(7)}`,
    'Content-Disposition: attachment; filename="second.html"',
    'Content-Transfer-Encoding: base64',
    `${at(8)}`,
    Buffer.from(`<a href="http://second.example/">second${at(9)} part</a>`).toString('base64'),
    `${at(9)}--${B}--`,
    '',
  ]
  return Buffer.from(lines.join('\r\n'))
}

const SECTIONS = [
  '[policy.plain]',
  'recipients=listed',
  'recipient_list[]=carol@example.com',
  'intake=custom',
  `intake_address=${PLAIN_ADDRESS}`,
  '[formats]',
  `${PLAIN_ADDRESS}=bcc`,
]

interface Shown {
  readonly subject: string | undefined
  readonly texts: readonly unknown[]
  readonly attachments: readonly unknown[]
}

async function byMailparser(raw: Buffer): Promise<Shown> {
  const { subject, text, html, attachments } = await simpleParser(raw)
  const shown = ({ filename, contentType, content }: Attachment) => [
    filename,
    contentType,
    content.toString('latin1'),
  ]
  return { subject, texts: [text, html], attachments: attachments.map(shown) }
}

async function byPostalMime(raw: Buffer): Promise<Shown> {
  const { default: PostalMime } = await import('postal-mime')
  const { subject, text, html, attachments }: Email = await PostalMime.parse(raw)
  const shown = ({ filename, mimeType, content }: Email['attachments'][number]) => [
    filename,
    mimeType,
    Buffer.from(content as ArrayBuffer).toString('latin1'),
  ]
  return { subject, texts: [text, html], attachments: attachments.map(shown) }
}

describe('bare CR, with a Postfix behind the gateway', function () {
  this.timeout(60_000)
  let arrivals: Mailbox
  let postfix: Postfix
  let path: MailPath

  before(async function () {
    const missing = whatIsMissing()
    if (missing !== undefined) {
      console.log(`      ${missing}`)
      return this.skip()
    }
    const authority = await createAuthority()
    arrivals = await startMailbox()
    postfix = await startPostfix({
      certificate: await authority.issue({ names: ['mx.hop.example'] }),
      settings: {
        myhostname: 'mx.hop.example',
        mynetworks: '127.0.0.0/8',
        relay_domains: 'example.com',
        smtpd_relay_restrictions: 'permit_mynetworks, reject',
        relayhost: `[${arrivals.host}]:${arrivals.port}`,
        smtp_tls_security_level: 'none',
      },
    })
    const { host, port } = postfix
    path = await MailPath.start({
      afterTdc: ['tdc_inspect'],
      sections: SECTIONS,
      config: { 'smtp_forward.ini': `[main]\nhost=${host}\nport=${port}\n` },
    })
  })

  after(async () => {
    await path?.close()
    await postfix?.close()
    await arrivals?.close()
  })

  /** What the recipient got, the attached original of the report, and the plain copy. */
  async function sent(subject: string, raw: Buffer): Promise<[Buffer, Buffer, Buffer]> {
    const client = await SmtpClient.connect(path.haraka)
    await client.begin({ from: 'alice@example.net', to: ['bob@example.com', 'carol@example.com'] })
    const { code } = await client.endWith(Buffer.concat([raw, Buffer.from('.\r\n')]))
    assert.equal(code, 250)
    await client.quit()
    const about = ({ raw }: { raw: Buffer }) => raw.includes(`Subject: ${subject}\r\n`)
    const original = await arrivals.messages.first(about, 20_000, () => postfix.log())
    const copyTo = (address: string) =>
      path.intake.copies.first(
        (copy) => about(copy) && copy.to.includes(address),
        20_000,
        () => path.haraka.tail(),
      )
    const report = await copyTo(INTAKE_ADDRESS)
    const plain = await copyTo(PLAIN_ADDRESS)
    return [original.raw, await report.original(), plain.raw]
  }

  async function reload(bareCr: string): Promise<void> {
    const { haraka } = path
    const from = haraka.log.length
    path.writeTdcIni({ sections: [...SECTIONS, '[journal]', `bare_cr=${bareCr}`] })
    const enabled = (line: string) => line.includes('TDC: Threat Defense Connector enabled')
    await haraka.lines.first(enabled, 20_000, () => haraka.tail(), from)
  }

  it('both sides see the same parts, names and contents, in both formats', async () => {
    const before = (await path.status()).messages.normalized
    const wrong: unknown[] = []
    for (let place = 0; place < PLACES; place++) {
      for (const [i, cr] of CRS.entries()) {
        const subject = `place-${place}-${i}`
        const [original, ...copies] = await sent(subject, message(subject, place, cr))
        for (const read of [byMailparser, byPostalMime]) {
          const wanted = await read(original)
          for (const [format, copy] of copies.entries()) {
            const got = await read(copy)
            if (JSON.stringify(got) !== JSON.stringify(wanted)) {
              wrong.push([read.name, format, subject, got, wanted])
            }
          }
        }
        assert.match(copies[1]?.toString() ?? '', /^X-TDC-Normalized: line-ends\r$/m)
      }
    }
    assert.deepEqual(wrong, [])
    assert.equal((await path.status()).messages.normalized, before + PLACES * CRS.length)
    const lines = path.haraka.log.filter((line) => line.includes('has other line ends'))
    assert.equal(lines.length, PLACES * CRS.length)
  })

  it('with refuse the client gets a 550, and nobody the message', async () => {
    await reload('refuse')
    const client = await SmtpClient.connect(path.haraka)
    for (const [cr, code] of [
      ['\r', 550],
      ['', 250],
    ] as const) {
      await client.begin({ from: 'alice@example.net', to: ['bob@example.com'] })
      const raw = Buffer.concat([message(`refused ${code}`, 3, cr), Buffer.from('.\r\n')])
      assert.equal((await client.endWith(raw)).code, code)
    }
    await client.quit()
    const about = ({ raw }: { raw: Buffer }) => raw.includes('Subject: refused ')
    await arrivals.messages.first(about, 20_000, () => postfix.log())
    assert.equal(arrivals.messages.entries.filter(about).length, 1)
    assert.equal((await path.status()).messages.originalsRefused, 1)
    await path.haraka.waitForLine('refused: it has a bare CR (bare_cr=refuse)')
  })

  it('with crlf they may see different ones (control)', async () => {
    await reload('crlf')
    const [original, copy] = await sent('control', message('control', 3, '\r'))
    assert.notDeepEqual(await byMailparser(copy), await byMailparser(original))
  })
})
