import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dkimSign } from 'mailauth/lib/dkim/sign'
import { dkimVerify } from 'mailauth/lib/dkim/verify'
import type { HarakaServer } from './support/haraka'
import { addedHeader, isCopyOf } from './support/identical'
import { INTAKE_ADDRESS, MailPath } from './support/mail-path'
import type { Mail } from './support/smtp-client'
import { SmtpClient } from './support/smtp-client'
import { makeTempDir } from './support/temp-dir'

/** The longest original that the connector keeps in memory, and the shortest that Haraka spools. */
const [HELD, SPOOLED] = [256 * 1024, 1024 * 1024]

const BCC_ADDRESS = 'bcc@scan.example'

interface Case extends Partial<Mail> {
  readonly header?: readonly (string | Buffer)[]
  readonly body?: Buffer | string
  /** Who made of it more than what was sent below a Received header. */
  readonly changedBy?: 'Haraka' | 'plugin'
  /** What must be in the original as delivered. */
  readonly holds?: string
  /** Sent in place of header and body. */
  readonly whole?: Buffer
}

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const lines = (...all: string[]) => all.map((line) => `${line}\r\n`).join('')
const longBody = (octets: number) =>
  Buffer.concat(
    Array.from({ length: Math.ceil(octets / 64) }, (_, i) =>
      latin1(`${i % 7 === 0 ? '.' : ''}${String(i).padEnd(70, 'abc').slice(0, 61)}\r\n`),
    ),
  )

const CASES: Record<string, Case> = {
  '7-bit text': { body: lines('Hello.', '', 'Bye.', '') },
  'latin-1 text': {
    header: ['Content-Type: text/plain; charset=iso-8859-1', 'Content-Transfer-Encoding: 8bit'],
    body: latin1('Gr\xfc\xdfe, \x80\x9f\xa0\xff\r\n'),
    parameters: ['BODY=8BITMIME'],
  },
  // Haraka reads headers as UTF-8, and writes what it has read.
  'latin-1 in a header': {
    header: [latin1('X-Name: J\xf6rg')],
    body: 'x\r\n',
    changedBy: 'Haraka',
  },
  'UTF-8 headers, international addresses': {
    header: [Buffer.from('From: Jörg <jörg@bücher.example>'), Buffer.from('X-Emoji: 📬')],
    body: Buffer.from('Grüße 📬\r\n'),
    from: 'jörg@bücher.example',
    to: ['bjørn@example.com'],
    parameters: ['SMTPUTF8', 'BODY=8BITMIME'],
  },
  'lines of dots': { body: lines('.', '..', '.x', '...', 'x.', '', '.') },
  'lines of 998 octets': { body: lines('a'.repeat(998), `.${'b'.repeat(997)}`, '') },
  'longer lines': { body: lines('c'.repeat(999), 'd'.repeat(5000), `.${'e'.repeat(9000)}`) },
  'lines that Haraka breaks': { body: lines('f'.repeat(25_000)), changedBy: 'Haraka' },
  'no Message-ID': { header: ['From: a@example.net', 'X-Only: this'], body: 'x\r\n' },
  'no body': { body: '' },
  // Haraka puts the empty line there.
  'headers only': {
    whole: latin1('Subject: headers only\r\nX-Last: this\r\n'),
    changedBy: 'Haraka',
  },
  'many empty lines': { body: '\r\n'.repeat(50) },
  'every octet': {
    body: Buffer.concat([
      Buffer.from(
        Array.from({ length: 256 }, (_, octet) => octet).filter((o) => o !== 10 && o !== 13),
      ),
      latin1('\r\n'),
    ]),
  },
  'a thousand recipients': {
    to: Array.from({ length: 1000 }, (_, i) => `recipient${i}@example.com`),
    body: 'To all of you.\r\n',
  },
  'folded and odd headers': {
    header: [
      'X-Folded: a',
      '\tb',
      ' c  ',
      'X-Empty:',
      'X-Blank: \t',
      'x-lower: 1',
      'X-Twice: 1',
      'X-Twice: 2',
    ],
    body: 'x\r\n',
  },
  'a multipart': {
    header: ['MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="b"'],
    body: lines(
      'preamble',
      '--b',
      'Content-Type: text/plain',
      '',
      'one',
      '--b',
      '',
      'two',
      '--b--',
      'epilogue',
    ),
  },
  'a null sender': {
    from: '',
    header: ['Content-Type: multipart/report; report-type=delivery-status; boundary=r'],
    body: lines(
      '--r',
      '',
      'It bounced.',
      '--r',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; x',
      '--r--',
    ),
  },
  'a nested report': {
    header: ['X-MS-Journal-Report: ', 'Content-Type: multipart/mixed; boundary=j'],
    body: lines(
      '--j',
      'Content-Type: message/rfc822',
      '',
      'X-IronPort-RemoteIP: 6.6.6.6',
      '',
      'x',
      '--j--',
    ),
  },
  'streamed: longer than what is kept in memory': { body: longBody(HELD + 50_000) },
  'streamed, 8-bit at the very end': {
    body: Buffer.concat([longBody(HELD + 5000), latin1('\xff\r\n')]),
  },
  'spooled to disk by Haraka': { body: longBody(SPOOLED + 300_000) },
  'rewritten by a body filter': {
    to: ['body@example.com'],
    header: ['Content-Type: text/plain'],
    body: lines('The secret is secret.', '.', 'End.'),
    changedBy: 'plugin',
    holds: 'The [taken out] is [taken out].',
  },
  'with a banner': {
    to: ['banner@example.com'],
    header: ['Content-Type: text/plain'],
    body: lines('Text.'),
    changedBy: 'plugin',
    holds: 'Scanned by nobody.',
  },
  'with headers added and removed': {
    to: ['headers@example.com'],
    header: ['X-Unwanted: 1', 'X-Wanted: 2'],
    body: 'x\r\n',
    changedBy: 'plugin',
    holds: 'X-Scanned: yes\r\n',
  },
}

describe('the original in the copy', function () {
  this.timeout(60_000)
  let path: MailPath
  let client: SmtpClient
  const spool = makeTempDir('spool')

  before(async () => {
    path = await MailPath.start({
      beforeTdc: ['rewriter', 'tdc_inspect'],
      config: connectionIni([
        `spool_dir=${spool}`,
        `spool_after=${SPOOLED}`,
        '[max]',
        'bytes=100000000',
        'data_line_length=20000',
      ]),
      sections: [
        '[policy.bcc]',
        'recipients=listed',
        'recipient_list[]=bcc@example.com',
        'intake=custom',
        `intake_address=${BCC_ADDRESS}`,
        '[formats]',
        `${BCC_ADDRESS}=bcc`,
      ],
    })
    client = await SmtpClient.connect(path.haraka)
  })
  after(async () => {
    await client.quit()
    await path.close()
  })

  async function sendCase(subject: string, each: Case): Promise<Buffer> {
    const { from = 'alice@example.net', to = ['bob@example.com'], parameters = [] } = each
    const raw = each.whole ?? messageOf(subject, each)
    const reply = await client.send({ from, to, parameters, raw })
    assert.equal(reply.code, 250, reply.lines.join())
    return raw
  }

  describe('is, byte for byte, what the recipients get:', () => {
    for (const [name, each] of Object.entries(CASES)) {
      it(name, async () => {
        const sent = await sendCase(name, each)
        const [original, copy] = [await path.original(name), await path.copy(name)]
        assert.ok(isCopyOf(await copy.original(), original.raw), 'copy and original differ')
        assert.deepEqual(original.to, each.to ?? ['bob@example.com'])
        assert.equal(original.from, each.from ?? 'alice@example.net')
        assert.deepEqual(copy.to, [INTAKE_ADDRESS])
        if (each.holds) assert.ok(original.raw.includes(each.holds))
        if (each.changedBy) return
        // Haraka's own header is all that it has put to what was sent.
        const added = addedBefore(original.raw, sent)
        assert.match(added, /^Received: from client\.test [^\r\n]*\r\n([ \t][^\r\n]*\r\n)*$/)
      })
    }

    it('all of them once, and Haraka has no spool file left', async () => {
      await path.settled()
      for (const name of Object.keys(CASES)) assert.equal(path.copiesOf(name).length, 1, name)
      assert.deepEqual(readdirSync(spool), [])
    })
  })

  describe('of a client that does not double its dots', () => {
    const HEADER = ['Content-Type: multipart/mixed; boundary=b', '.X-Dotted: 1', '..X-Twice: 1']
    const BODY = [
      '',
      '.--b',
      '',
      'one',
      '.--b',
      '.Content-Type: text/html',
      '',
      '.x',
      '..y',
      '.--b--',
    ]

    for (const [name, octets] of [
      ['kept in memory', 0],
      ['streamed', HELD + 50_000],
      ['spooled', SPOOLED + 300_000],
    ] as const) {
      it(`has the lines that the recipients get: ${name}`, async () => {
        const subject = `undoubled ${name}`
        await client.begin({ from: 'alice@example.net', to: ['bob@example.com'] })
        const wire = [latin1(lines(`Subject: ${subject}`, ...HEADER, ...BODY)), longBody(octets)]
        const { code } = await client.endWith(Buffer.concat([...wire, latin1('.\r\n')]))
        assert.equal(code, 250)
        const [original, copy] = [await path.original(subject), await path.copy(subject)]
        assert.ok(
          original.raw.includes('\r\n--b\r\nContent-Type: text/html\r\n\r\nx\r\n.y\r\n--b--'),
        )
        assert.ok(isCopyOf(await copy.original(), original.raw), 'copy and original differ')
      })
    }
  })

  describe('without what only this gateway may say', () => {
    const FORGED = [
      'X-IronPort-RemoteIP: 6.6.6.6',
      'x-ironport-remoteip : 6.6.6.7',
      'X-IRONPORT-REMOTEIP:',
      ' 6.6.6.8',
      'X-MS-Journal-Report: ',
      'X-Haraka-TDC: v=1; id=forged; mac=00',
    ]

    it('a forged client address is in the original, the true one in the copy', async () => {
      const subject = 'forged'
      const sent = await sendCase(subject, { header: FORGED, body: 'X-IronPort-RemoteIP: 6\r\n' })
      const [original, copy] = [await path.original(subject), await path.copy(subject)]
      assert.match(addedBefore(original.raw, sent), /^Received: /)
      const forged = /^x-ironport-remoteip[ \t]*:([^\r]*\r\n)([ \t][^\r]*\r\n)*/gim
      const [header = '', ...body] = original.raw.toString('latin1').split('\r\n\r\n')
      const cleaned = [`${header}\r\n`.replace(forged, ''), ...body].join('\r\n')
      assert.equal((await copy.original()).toString('latin1'), addedHeader('127.0.0.1') + cleaned)
    })
  })

  describe('in bcc format', () => {
    const FIELDS =
      /^X-CSE-(ClientIP|MailFrom|RcptTo|MsgDirection): [^\r\n]*\r\n([ \t][^\r\n]*\r\n)*/

    for (const name of ['7-bit text', 'latin-1 text', 'lines of dots', 'no body', 'every octet']) {
      it(`${name}: the original itself below what the service wants to know`, async () => {
        const subject = `bcc ${name}`
        await sendCase(subject, { ...CASES[name], to: ['bcc@example.com'] })
        const [original, copy] = [await path.original(subject), await path.copy(subject)]
        assert.deepEqual(copy.to, [BCC_ADDRESS])
        let rest = copy.raw.toString('latin1')
        const found: string[] = []
        for (let field = FIELDS.exec(rest); field; field = FIELDS.exec(rest)) {
          found.push(field[0].trimEnd())
          rest = rest.slice(field[0].length)
        }
        assert.deepEqual(found.slice(0, 4), [
          'X-CSE-ClientIP: 127.0.0.1',
          'X-CSE-MailFrom: alice@example.net',
          'X-CSE-RcptTo: bcc@example.com',
          'X-CSE-MsgDirection: Incoming',
        ])
        assert.ok(rest.endsWith(original.raw.toString('latin1')))
        // What may stand between is the proof that the report is ours.
        assert.match(
          rest.slice(0, rest.length - original.raw.length),
          /^X-Haraka-TDC: [^\r\n]*\r\n([ \t][^\r\n]*\r\n)*$/,
        )
      })
    }

    it('forged fields are taken out', async () => {
      const header = ['X-CSE-ClientIP: 6.6.6.6', 'X-Cse-RcptTo: x@example.com', 'X-Other: 1']
      await sendCase('bcc forged', { header, to: ['bcc@example.com'], body: 'x\r\n' })
      const copy = (await path.copy('bcc forged')).raw.toString('latin1')
      assert.equal(copy.match(/^X-CSE-ClientIP/gim)?.length, 1)
      assert.ok(!copy.includes('6.6.6.6') && !copy.includes('x@example.com'))
      assert.ok(copy.includes('X-Other: 1\r\n'))
    })
  })

  describe('keeps its DKIM signature', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
    const record = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    const resolver = () => Promise.resolve([[`v=DKIM1; k=rsa; p=${record}`]])
    const verdict = async (message: Buffer) =>
      (await dkimVerify(message, { resolver })).results[0]?.status.result

    for (const canonicalization of ['simple/simple', 'relaxed/relaxed']) {
      it(canonicalization, async () => {
        const subject = `signed ${canonicalization}`
        const header = ['From: Alice <alice@example.net>', 'To:  bob@example.com ']
        const unsigned = messageOf(subject, {
          header,
          body: Buffer.concat([
            Buffer.from('Grüße \t\r\n.\r\n..x\r\n'),
            longBody(2000),
            latin1('\r\n\r\n'),
          ]),
        })
        const signer = { signingDomain: 'example.net', selector: 's1', privateKey: pem }
        const options = { ...signer, canonicalization, signatureData: [signer] }
        const { signatures } = await dkimSign(unsigned, options)
        await sendCase(subject, { whole: Buffer.concat([Buffer.from(signatures), unsigned]) })
        assert.equal(await verdict((await path.original(subject)).raw), 'pass')
        assert.equal(await verdict(await (await path.copy(subject)).original()), 'pass')
      })
    }
  })
})

describe('a message of 50 MB', function () {
  this.timeout(120_000)
  const size = 50 * 1024 * 1024
  const config = connectionIni(['[max]', `bytes=${2 * size}`])
  const body = Buffer.concat(Array<Buffer>(Math.ceil(size / (64 * 1024))).fill(longBody(64 * 1024)))
  const MOST_MORE = 64 * 1024 * 1024
  const TIMES = 3
  let path: MailPath

  before(async () => (path = await MailPath.start({ config })))
  after(() => path.close())

  /** Sends it through a gateway of its own; that process's peak memory afterwards. */
  async function peakOf(haraka: HarakaServer, subject: string, copies: number): Promise<number> {
    if (!haraka.running) await haraka.start()
    path.haraka = haraka
    const reply = await path.send({ raw: messageOf(subject, { body }) })
    assert.equal(reply.code, 250, reply.lines.join())
    if (copies > 0) {
      const [original, copy] = [await path.original(subject), await path.copy(subject)]
      assert.ok(copy.raw.includes(original.raw), 'the copy is not the original')
    }
    const peak = peakMemory(haraka.pid)
    await haraka.remove()
    return peak
  }

  /** When garbage is collected is chance, and the peak has it, too; what is held is there every time. */
  it('does not need much more memory for its copy', async () => {
    const withIt = path.haraka
    const base = await peakOf(await path.makeGateway({ config, tdc: false }), 'without', 0)
    let more = Infinity
    for (let time = 1; time <= TIMES && more >= MOST_MORE; time++) {
      const gateway = time === 1 ? withIt : await path.makeGateway({ config })
      const used = await peakOf(gateway, `with ${time}`, 1)
      console.log(`      peak memory ${mega(base)} without, ${mega(used)} with the connector`)
      more = used - base
    }
    assert.ok(more < MOST_MORE, `${mega(more)} more, ${TIMES} times`)
  })
})

function connectionIni(settings: readonly string[]): Record<string, string> {
  const sections = ['[headers]', '[message]', '[uuid]', '[haproxy]']
  return { 'connection.ini': ['[main]', ...settings, ...sections].join('\n') + '\n' }
}

function messageOf(subject: string, { header = [], body = 'x\r\n' }: Case): Buffer {
  const fields = header.map((field) => Buffer.concat([Buffer.from(field), latin1('\r\n')]))
  return Buffer.concat([
    latin1(`Subject: ${subject}\r\n`),
    ...fields,
    latin1('\r\n'),
    Buffer.from(body),
  ])
}

/** What stands before what was sent; fails when that is not the end of the message. */
function addedBefore(delivered: Buffer, sent: Buffer): string {
  const at = delivered.length - sent.length
  assert.ok(delivered.subarray(at).equals(sent), 'what was sent is not what was delivered')
  return delivered.toString('latin1', 0, at)
}

function peakMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

function mega(octets: number): string {
  return `${Math.round(octets / 1024 / 1024)} MB`
}
