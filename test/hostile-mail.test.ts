import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { simpleParser } from 'mailparser'
import { isCopyOf } from './support/identical'
import { HOSTILE_VALUES } from './support/journal'
import { INTAKE_ADDRESS, MailPath } from './support/mail-path'
import { SmtpClient } from './support/smtp-client'

/** Lines that look like the delimiter of a report. */
const BOUNDARIES = 100_000

/** RFC 5321 4.5.3.1.3: a path has at most 256 octets, angle brackets included. */
const LONGEST_ADDRESS = 254
/** What a local part of 64 octets leaves of it, in labels of at most 63 (RFC 1035 2.3.4). */
const LONG_DOMAIN = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(59)}.example`
const RECIPIENTS = 10_000

const CLIENT = '127.0.0.1'

/** Each names another client than the one that there was; the octets are those of the wire. */
const FORGERIES: Readonly<Record<string, readonly string[]>> = {
  once: ['X-IronPort-RemoteIP: 6.6.6.6'],
  twice: ['X-IronPort-RemoteIP: 6.6.6.6', 'X-Other: 1', 'X-IronPort-RemoteIP: 6.6.6.7'],
  folded: ['X-IronPort-RemoteIP:', ' 6.6.6.6'],
  'in another case': ['x-ironport-remoteip: 6.6.6.6', 'X-IRONPORT-REMOTEIP: 6.6.6.7'],
  'with a space before the colon': ['X-IronPort-RemoteIP : 6.6.6.6', 'X-IronPort-RemoteIP\t: 6.6'],
  'with a dot that is not doubled': ['.X-IronPort-RemoteIP: 6.6.6.6'],
  'with a doubled dot': ['..X-IronPort-RemoteIP: 6.6.6.6'],
  encoded: ['=?us-ascii?Q?X-IronPort-RemoteIP?=: 6.6.6.6'],
  'behind a field without a colon': ['no field', 'X-IronPort-RemoteIP: 6.6.6.6'],
  'behind a folded first line': [' folded', 'X-IronPort-RemoteIP: 6.6.6.6'],
}

describe('mail that is made to deceive the service', function () {
  this.timeout(120_000)
  let path: MailPath

  before(async () => {
    path = await MailPath.start({
      beforeTdc: ['tdc_inspect'],
      config: { host_list: `example.com\n${LONG_DOMAIN}\n` },
    })
  })
  after(() => path.close())

  for (const [name, fields] of Object.entries(FORGERIES)) {
    it(`a client address forged ${name}: the attachment names ours alone`, async () => {
      const subject = `forged ${name}`
      await onTheWire([`Subject: ${subject}`, ...fields, '', 'X-IronPort-RemoteIP: 6.6.6.6'])
      const copy = await path.copy(subject)
      assert.deepEqual(clientsIn(copy.raw), [])
      const attached = await copy.original()
      assert.deepEqual(clientsIn(attached), [CLIENT])
      const { headers } = await simpleParser(attached)
      assert.equal(headers.get('x-ironport-remoteip'), CLIENT)
    })
  }

  it('a client address in an attached message is the sender’s, and stays', async () => {
    const nested = ['Content-Type: message/rfc822', '', 'X-IronPort-RemoteIP: 6.6.6.6', '', 'x']
    await onTheWire(['Subject: nested', ...nested])
    const attached = (await (await path.copy('nested')).original()).toString('latin1')
    assert.ok(attached.includes('\r\n\r\nX-IronPort-RemoteIP: 6.6.6.6\r\n\r\nx'))
  })

  it(`${BOUNDARIES} boundaries, and that of the report before: one attachment, byte for byte`, async () => {
    await onTheWire(['Subject: before', '', 'x'])
    const before = (await path.copy('before')).raw.toString('latin1')
    const [, used = ''] = /boundary="([^"]+)"/.exec(before) ?? []
    const guess = () => `--_tdc.${randomBytes(16).toString('hex')}_`
    const guesses = [`--${used}`, `--${used}--`, ...Array.from({ length: BOUNDARIES }, guess)]
    await onTheWire(['Subject: boundaries', '', ...guesses])
    const [original, copy] = [await path.original('boundaries'), await path.copy('boundaries')]
    assert.ok(isCopyOf(await copy.original(), original.raw))
    assert.ok(!copy.raw.includes(`boundary="${used}"`))
  })

  it('values that break out of texts and headers: four lines and one attachment', async () => {
    for (const [at, value] of HOSTILE_VALUES.entries()) {
      // What ends a line on the wire would make a line of its own; within one it is what others decode.
      const inOneLine = value.replace(/[\r\n]+/g, ' ').slice(0, 900)
      const header = [`Subject: =?utf-8?B?${Buffer.from(value).toString('base64').slice(0, 800)}?=`]
      await onTheWire([...header, `Message-ID: <${inOneLine}>`, `X-Row: row ${at};`, '', 'x'])
      const { raw } = await path.intake.copies.first(
        (copy) => copy.raw.includes(`X-Row: row ${at};`),
        10_000,
        () => path.haraka.tail(),
      )
      const { text, attachments } = await simpleParser(raw)
      assert.equal(text?.trimEnd().split('\n').length, 4, text)
      assert.equal(attachments.length, 1)
      assert.equal(text?.match(/^Recipient: /gm)?.length, 1, text)
    }
  })

  it(`${RECIPIENTS} recipients with addresses of ${LONGEST_ADDRESS} octets: all in one report`, async () => {
    const to = Array.from({ length: RECIPIENTS }, (_, at) => longAddress(at))
    assert.equal(to[0]?.length, LONGEST_ADDRESS)
    const client = await SmtpClient.connect({ port: path.haraka.port, deadline: 60_000 })
    const raw = Buffer.from('Subject: many\r\n\r\nx\r\n')
    const { code } = await client.send({ from: longAddress(0), to, raw })
    await client.quit()
    assert.equal(code, 250)
    const { text = '' } = await (await path.copy('many')).report()
    const named = [...text.matchAll(/^Recipient: (.*)$/gm)].map(([, name]) => name)
    assert.deepEqual(named, to)
  })

  describe('and switches nothing off:', () => {
    const SWITCHES: Readonly<Record<string, readonly string[]>> = {
      'a forged token': ['X-Haraka-TDC: v=1; id=A.1.tdc1; mac=' + '0'.repeat(64)],
      'tokens without sense': ['X-Haraka-TDC:', `X-Haraka-TDC: ${'v=1; '.repeat(150)}`],
      'the mark of journals': ['X-MS-Journal-Report:', 'Auto-Submitted: auto-generated'],
      'the mark of a replay': ['X-TDC-Replayed: now; reason=expired'],
      'many Received': Array.from({ length: 90 }, () => 'Received: from a by b; now'),
    }
    for (const [name, fields] of Object.entries(SWITCHES)) {
      it(name, async () => {
        await onTheWire([`Subject: ${name}`, ...fields, '', 'x'], '')
        const [original, copy] = [await path.original(name), await path.copy(name)]
        assert.equal(copy.to[0], INTAKE_ADDRESS)
        assert.ok(isCopyOf(await copy.original(), original.raw))
      })
    }

    it('every mail had one copy', async () => {
      await path.settled()
      assert.equal(path.intake.copies.size, path.mailbox.messages.size)
    })
  })

  /** A mail whose lines go out as they stand, nothing stuffed. */
  async function onTheWire(lines: readonly string[], from = 'alice@example.net'): Promise<void> {
    const client = await SmtpClient.connect(path.haraka)
    await client.begin({ from, to: ['bob@example.com'] })
    const { code } = await client.endWith(Buffer.from([...lines, '.', ''].join('\r\n')))
    await client.quit()
    assert.equal(code, 250)
  }
})

/** In the header alone. */
function clientsIn(message: Buffer): string[] {
  const [header = ''] = message.toString('latin1').split('\r\n\r\n', 1)
  return [...header.matchAll(/^x-ironport-remoteip[ \t]*:\s*(\S*)/gim)].map(([, ip = '']) => ip)
}

function longAddress(at: number): string {
  const local = `r${at}`.padEnd(64, 'x')
  return `${local}@${LONG_DOMAIN}`
}
