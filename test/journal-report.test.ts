import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { dkimSign } from 'mailauth/lib/dkim/sign'
import { dkimVerify } from 'mailauth/lib/dkim/verify'
import { simpleParser } from 'mailparser'
import { journalHead, journalRemovals, journalTail } from '../plugins/tdc/journal/journal-report'
import type { ReportFacts } from '../plugins/tdc/journal/report'
import {
  BOUNDARY,
  HOSTILE_VALUES,
  OPTIONS,
  PLAIN,
  anyText,
  attached,
  cutAt,
  envelopeLines,
  factsWith,
  filter,
  journal,
  readData,
  splitReport,
  stuff,
} from './support/journal'
import { Dice } from './support/dice'

const ADDED = 'X-IronPort-RemoteIP: 203.0.113.7\r\n'
const ORIGINAL = 'From: Alice <alice@example.net>\r\nSubject: Quarterly figures\r\n\r\nHello\r\n'

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The attachment as mailparser finds it, without the line that was put on top. */
async function extracted(report: Buffer): Promise<Buffer> {
  const mail = await simpleParser(report)
  assert.equal(mail.attachments.length, 1)
  const content = mail.attachments[0]?.content ?? Buffer.alloc(0)
  assert.equal(content.toString('latin1', 0, ADDED.length), ADDED)
  assert.equal(sha256(content), sha256(attached(splitReport(report))))
  return content.subarray(ADDED.length)
}

/** How ACE finds the envelope, over the undecoded text. */
function readLikeAce(text: string): string[] {
  const lines = text.replace(/\r\n/g, '\n')
  assert.match(lines, /^Sender: (.+?)^Subject: (.+?)^Message-Id: (.+?)^Recipient: /ms)
  return [...lines.matchAll(/^Recipient: ([^,\n]+)/gm)].map((match) => match[1] ?? '')
}

/** What AssemblyLine accepts as a journal's envelope. */
function readLikeAssemblyLine(text: string): Map<string, string[]> {
  const fields = new Map<string, string[]>()
  for (const line of text.split('\r\n').filter((one) => one !== '')) {
    const [name, value] = cutAt(line, ': ')
    assert.ok(['Sender', 'Subject', 'Message-Id', 'Recipient'].includes(name), line)
    fields.set(name, [...(fields.get(name) ?? []), value])
  }
  for (const name of ['Sender', 'Subject', 'Message-Id']) assert.equal(fields.get(name)?.length, 1)
  return fields
}

describe('journal: the report, byte by byte', () => {
  it('plain', () => {
    const expected = [
      'From: "Journal" <postmaster@mx.example.com>',
      'To: <tenant@intake.example.org>',
      'Subject: Quarterly figures',
      'Date: Fri, 20 Nov 2026 10:00:01 +0000',
      'Message-ID: <5F2A0B6C-0000-4000-8000-000000000001.1@mx.example.com>',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed;',
      '\tboundary="_tdc.4f1d0c2e9a7b4c3d8e5f60718293a4b5_"',
      'X-MS-Journal-Report: journal',
      'X-MS-Exchange-Parent-Message-Id: <1@example.net>',
      'Auto-Submitted: auto-generated',
      'X-Haraka-TDC: v=1; id=5F2A0B6C; mac=00',
      '',
      '--_tdc.4f1d0c2e9a7b4c3d8e5f60718293a4b5_',
      'Content-Type: text/plain; charset="us-ascii"',
      'Content-Transfer-Encoding: 7bit',
      '',
      'Sender: alice@example.net',
      'Subject: Quarterly figures',
      'Message-Id: <1@example.net>',
      'Recipient: bob@example.com',
      'Recipient: carol@example.com',
      '',
      '--_tdc.4f1d0c2e9a7b4c3d8e5f60718293a4b5_',
      'Content-Type: message/rfc822',
      'Content-Disposition: attachment',
      '',
      'X-IronPort-RemoteIP: 203.0.113.7',
      'From: Alice <alice@example.net>',
      'Subject: Quarterly figures',
      '',
      'Hello',
      '',
      '--_tdc.4f1d0c2e9a7b4c3d8e5f60718293a4b5_--',
      '',
    ]
    assert.equal(journal(Buffer.from(ORIGINAL)).toString(), expected.join('\r\n'))
  })

  it('8-bit, normalized, beginning with a fold, without subject, message-id and sender', () => {
    const facts = factsWith({
      reversePath: '',
      recipients: ['grüße@bücher.example'],
      subject: undefined,
      messageId: undefined,
      clientIp: '::ffff:203.0.113.7',
      intake: 'größe@bücher.example',
      gateway: 'bücher.example',
    })
    const options = { ...OPTIONS, markerValue: '', from: 'Büro <büro@bücher.example>' }
    const expected = [
      'From: =?utf-8?B?QsO8cm8=?= <postmaster@xn--bcher-kva.example>',
      'To: <postmaster@xn--bcher-kva.example>',
      'Subject: ',
      'Date: Fri, 20 Nov 2026 10:00:01 +0000',
      'Message-ID: <5F2A0B6C-0000-4000-8000-000000000001.1@xn--bcher-kva.example>',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed;',
      '\tboundary="_tdc.4f1d0c2e9a7b4c3d8e5f60718293a4b5_"',
      'Content-Transfer-Encoding: 8bit',
      'X-MS-Journal-Report:',
      'Auto-Submitted: auto-generated',
      'X-Haraka-TDC: v=1; id=5F2A0B6C; mac=00',
      'X-TDC-Normalized: line-ends',
      '',
      '--_tdc.4f1d0c2e9a7b4c3d8e5f60718293a4b5_',
      'Content-Type: text/plain; charset="utf-8"',
      'Content-Transfer-Encoding: 8bit',
      '',
      'Sender: <>',
      'Subject: ',
      'Message-Id: ',
      'Recipient: grüße@bücher.example',
      '',
      '--_tdc.4f1d0c2e9a7b4c3d8e5f60718293a4b5_',
      'Content-Type: message/rfc822',
      'Content-Transfer-Encoding: 8bit',
      'Content-Disposition: attachment',
      '',
      'X-IronPort-RemoteIP: 203.0.113.7',
      'X-TDC-Leading-Fold: yes',
      ' 6.6.6.6',
      '',
      'ü',
      '--_tdc.4f1d0c2e9a7b4c3d8e5f60718293a4b5_--',
      '',
    ]
    const report = journal(Buffer.from(' 6.6.6.6\n\nü'), facts, options)
    assert.equal(report.toString(), expected.join('\r\n'))
  })

  it('without a header on top, or with one of another name', () => {
    for (const remoteIpHeader of [undefined, 'no name:', '']) {
      const head = journalHead(factsWith(), { ...OPTIONS, remoteIpHeader }, BOUNDARY, PLAIN)
      assert.ok(head.toString().endsWith('Content-Disposition: attachment\r\n\r\n'))
    }
    const other = { ...OPTIONS, remoteIpHeader: 'X-Client' }
    const report = journal(Buffer.from(`x-client: 6\r\n${ADDED}\r\n`), factsWith(), other)
    assert.equal(attached(splitReport(report)).toString(), `X-Client: 203.0.113.7\r\n${ADDED}\r\n`)
    assert.deepEqual(journalRemovals(undefined), [])
    assert.deepEqual(journalRemovals('X-Client'), ['X-Client', 'X-TDC-Leading-Fold'])
  })

  it('keeps a long token and the addresses on short lines, To before the marker', () => {
    const token = `v=1; id=${'A'.repeat(40)}; mac=${'0'.repeat(64)}`
    const head = journalHead(factsWith(), { ...OPTIONS, token }, BOUNDARY, PLAIN).toString()
    assert.match(head, /^X-Haraka-TDC: v=1; id=A{40};\r\n mac=0{64}\r\n/m)
    assert.ok(head.indexOf('\nTo: ') < head.indexOf('\nX-MS-Journal-Report: '))
    assert.ok(head.split('\r\n').every((line) => line.length <= 78))
  })

  it('says 8bit exactly where it is', () => {
    const rows = [
      { inner: 'a', subject: 'a', outer: false, first: '7bit', second: false },
      { inner: 'a', subject: 'ü', outer: true, first: '8bit', second: false },
      { inner: 'ü', subject: 'a', outer: true, first: '7bit', second: true },
      { inner: 'ü', subject: 'ü', outer: true, first: '8bit', second: true },
    ]
    for (const row of rows) {
      const original = Buffer.from(`A: 1\r\n\r\n${row.inner}`)
      const { header, parts } = splitReport(journal(original, factsWith({ subject: row.subject })))
      const label = 'Content-Transfer-Encoding: '
      assert.equal(header.includes(`${label}8bit`), row.outer)
      assert.ok(parts[0]?.header.endsWith(label + row.first))
      assert.equal(parts[1]?.header.includes(`${label}8bit`), row.second)
      assert.doesNotMatch(parts[1]?.header ?? '', /base64|quoted-printable/i)
    }
  })
})

describe('journal: the original read back', () => {
  const values = [...Array(256).keys()].filter((value) => value !== 10 && value !== 13)
  const inner = (type: string, body: string): string =>
    `MIME-Version: 1.0\r\nContent-Type: ${type}\r\n\r\n${body}`
  const nested = (): string => {
    const level = (n: number): string => inner(`multipart/mixed; boundary="b${n}"`, `--b${n}\r\n`)
    return Array.from({ length: 300 }, (_, n) => level(n)).join('')
  }
  const originals: [string, string | Buffer][] = [
    ['7-bit', ORIGINAL],
    ['latin1', Buffer.from('From: a@b\r\n\r\n\xe4\xf6\xfc\r\n', 'latin1')],
    ['UTF-8', 'Subject: grüße\r\n\r\n\u{1f4a9}\r\n'],
    ['every other octet value', Buffer.concat([Buffer.from('A: 1\r\n\r\n'), Buffer.from(values)])],
    ['an empty body', 'A: 1\r\n\r\n'],
    ['a header without an empty line', 'A: 1\r\nB: 2\r\n'],
    ['no final CRLF', 'A: 1\r\n\r\nx'],
    ['final empty lines', 'A: 1\r\n\r\nx\r\n\r\n\r\n\r\n'],
    ['dots', 'A: 1\r\n\r\n.\r\n..\r\n.x\r\n.'],
    [
      'long lines',
      `A: 1\r\n\r\n${[998, 999, 2000, 100_000].map((n) => 'y'.repeat(n)).join('\r\n')}`,
    ],
    ['tabs and trailing spaces', 'A: 1 \t\r\n\r\n\t x \t \r\n'],
    [
      'From at line beginnings',
      'From x Mon Jan  1 00:00:00 2024\r\nA: 1\r\n\r\nFrom y\r\n>From z\r\n',
    ],
    ['more than 64 kB', `A: 1\r\n\r\n${'0123456789\r\n'.repeat(20_000)}`],
    [
      'a boundary that is a prefix',
      inner('multipart/mixed; boundary="_tdc"', '--_tdc\r\n\r\nx\r\n'),
    ],
    ['one that continues ours', inner('multipart/mixed; boundary="_"', '--_\r\n\r\n--_--\r\n')],
    ['an empty boundary', inner('multipart/mixed; boundary=""', '--\r\n\r\nx\r\n----\r\n')],
    ['an unterminated multipart', inner('multipart/mixed; boundary="a"', '--a\r\n\r\nx')],
    ['two types', inner('text/plain\r\nContent-Type: multipart/mixed; boundary=a', '--a\r\n\r\n')],
    ['300 levels', nested()],
    ['a message in a message', inner('message/rfc822', ORIGINAL)],
    ['a bounce', inner('multipart/report; boundary=a', '--a\r\n\r\nx\r\n--a--\r\n')],
    ['a journal report', journal(Buffer.from(ORIGINAL)).toString().replaceAll(BOUNDARY, '_other_')],
    ['a forged token', 'X-Haraka-TDC: v=1; id=x; mac=0\r\nX-MS-Journal-Report:\r\n\r\nx\r\n'],
  ]
  for (const [name, original] of originals) {
    it(`is the same: ${name}`, async () => {
      const bytes = Buffer.from(original)
      const result = await extracted(journal(bytes))
      assert.equal(sha256(result), sha256(bytes))
    })
  }

  it('more than 25 MB, through the wire', () => {
    const original = Buffer.from(`A: 1\r\n\r\n${'.0123456789 0123456789\r\n'.repeat(1_200_000)}`)
    const report = journal(original)
    const wire = stuff([report])
    assert.equal(wire.length, report.length + 1_200_000)
    assert.equal(sha256(attached(splitReport(report))), sha256(Buffer.from(ADDED + original)))
  })

  it('through a server that knows CRLF only', async () => {
    const original = Buffer.from('A: 1\r\n\r\n.\r\n..\r\n.x\r\n.')
    const wire = stuff([journal(original)])
    const { message, rest } = readData(Buffer.concat([wire, Buffer.from('.\r\n')]))
    assert.equal(rest.length, 0)
    assert.equal(sha256(await extracted(message)), sha256(original))
  })

  it('names only our client address, whatever the sender wrote', () => {
    const forged = [
      'X-IronPort-RemoteIP: 6',
      'x-ironport-remoteip :\r\n 7',
      'X-IRONPORT-REMOTEIP\t: 8',
    ]
    const original = Buffer.from(`${forged.join('\r\n')}\r\nA: 1\r\n\r\nX-IronPort-RemoteIP: 9\r\n`)
    const content = attached(splitReport(journal(original))).toString()
    assert.equal(content, `${ADDED}A: 1\r\n\r\nX-IronPort-RemoteIP: 9\r\n`)
  })

  it('is not mended where it was broken, apart from line ends', () => {
    const report = journal(Buffer.from('A: 1\n\n.\n\r.\r'))
    assert.match(splitReport(report).header, /\r\nX-TDC-Normalized: line-ends$/)
    assert.equal(attached(splitReport(report)).toString(), `${ADDED}A: 1\r\n\r\n.\r\n .\r\n`)
  })
})

describe('journal: DKIM', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const record = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const resolver = async (name: string, type: string): Promise<string[][]> => {
    assert.deepEqual([name, type], ['s1._domainkey.example.net', 'TXT'])
    return [[`v=DKIM1; k=rsa; p=${record}`]]
  }
  const verdict = async (message: Buffer): Promise<string | undefined> =>
    (await dkimVerify(message, { resolver })).results[0]?.status.result

  for (const canonicalization of ['simple/simple', 'relaxed/relaxed']) {
    it(`${canonicalization} verifies on the attached original`, async () => {
      const unsigned = `${ORIGINAL}Grüße \t\r\n.\r\n..x\r\n\r\n\r\n`
      // The published type asks for the key at the top as well; the signer reads signatureData.
      const signer = { signingDomain: 'example.net', selector: 's1', privateKey: pem }
      const options = { ...signer, canonicalization, signatureData: [signer] }
      const { signatures } = await dkimSign(unsigned, options)
      const signed = Buffer.from(signatures + unsigned)
      assert.equal(await verdict(signed), 'pass')
      const report = journal(signed)
      assert.equal(await verdict(await extracted(report)), 'pass')
      assert.equal(await verdict(attached(splitReport(report))), 'pass')
      const changed = Buffer.from(signed.toString().replace('Hello', 'Hallo'))
      assert.equal(await verdict(await extracted(journal(changed))), 'neutral')
    })
  }
})

describe('journal: the envelope part', () => {
  it('names a recipient that was rewritten in both forms, as ACE and AssemblyLine read them', () => {
    const facts = factsWith({
      recipients: ['bob@inside.example', 'eve@example.com', 'bob@inside.example'],
      given: ['info@example.com', undefined, 'sales@example.com'],
    })
    const text = splitReport(journal(Buffer.from(ORIGINAL), facts)).parts[0]?.body.toString() ?? ''
    assert.deepEqual(readLikeAce(text), [
      'bob@inside.example',
      'eve@example.com',
      'bob@inside.example',
    ])
    const lines = readLikeAssemblyLine(text).get('Recipient') ?? []
    // It takes a value apart at the first comma, and what follows at the first colon.
    const redirected = lines.map((line) =>
      line
        .split(', ')
        .slice(1)
        .map((rest) => cutAt(rest, ': ')),
    )
    assert.deepEqual(redirected, [
      [['Forwarded', 'info@example.com']],
      [],
      [['Forwarded', 'sales@example.com']],
    ])
    assert.ok(
      lines.every((line) => !line.includes('Expanded:')),
      'where piler cuts',
    )
  })

  it('keeps a line with both forms within its limit', () => {
    const long = `${'x'.repeat(900)}@example.com`
    const facts = factsWith({ recipients: [long], given: [`${'y'.repeat(900)}@example.com`] })
    const text = splitReport(journal(Buffer.from(ORIGINAL), facts)).parts[0]?.body.toString() ?? ''
    const line = text.split('\r\n').find((one) => one.startsWith('Recipient: ')) ?? ''
    assert.match(line, /^Recipient: x{400,}, Forwarded: y{400,}$/)
    assert.ok(line.length <= 998)
  })

  const rows: [string, Partial<ReportFacts>][] = [
    ['two recipients', {}],
    ['a null sender', { reversePath: '' }],
    ['no subject', { subject: undefined }],
    ['no message-id', { messageId: undefined }],
    ['a quoted sender', { reversePath: '"a b"@example.net' }],
    [
      '1000 recipients',
      { recipients: Array.from({ length: 1000 }, (_, i) => `u${i}@example.com`) },
    ],
    ['a blind recipient twice', { recipients: ['bcc@Example.com', 'bcc@example.com'] }],
    ['a subject with a colon', { subject: 'Re: Sender: x' }],
  ]
  for (const [name, changes] of rows) {
    it(`is read by ACE's and AssemblyLine's rules: ${name}`, () => {
      const facts = factsWith(changes)
      const text =
        splitReport(journal(Buffer.from(ORIGINAL), facts)).parts[0]?.body.toString() ?? ''
      const recipients = name === 'a blind recipient twice' ? ['bcc@Example.com'] : facts.recipients
      assert.deepEqual(readLikeAce(text), recipients)
      const fields = readLikeAssemblyLine(text)
      assert.deepEqual(fields.get('Recipient'), recipients)
      assert.deepEqual(fields.get('Sender'), [facts.reversePath || '<>'])
      assert.deepEqual(fields.get('Subject'), [(facts.subject ?? '').trim()])
      assert.deepEqual(fields.get('Message-Id'), [(facts.messageId ?? '').trim()])
    })
  }

  const injected: [string, Partial<ReportFacts>][] = HOSTILE_VALUES.flatMap((value) => [
    ['subject', { subject: value }],
    ['message-id', { messageId: value }],
    ['sender', { reversePath: value }],
    ['recipient', { recipients: ['a@example.com', `x${value}`] }],
  ])
  for (const field of ['subject', 'message-id', 'sender', 'recipient']) {
    it(`has five lines whatever stands in the ${field}`, () => {
      for (const [, changes] of injected.filter(([name]) => name === field)) {
        const report = splitReport(journal(Buffer.from(ORIGINAL), factsWith(changes)))
        const names = envelopeLines(report).map((line) => cutAt(line, ': ')[0])
        assert.deepEqual(names, ['Sender', 'Subject', 'Message-Id', 'Recipient', 'Recipient'])
      }
    })
  }
})

describe('journal: any report', () => {
  const FIELDS =
    /^(From|To|Subject|Date|Message-ID|MIME-Version|Content-Type|Content-Transfer-Encoding|X-MS-Journal-Report|X-MS-Exchange-Parent-Message-Id|Auto-Submitted|X-Haraka-TDC|X-TDC-Normalized):/

  function anyFacts(dice: Dice): ReportFacts {
    const maybe = (): string | undefined => (dice.below(5) === 0 ? undefined : anyText(dice))
    return {
      mid: anyText(dice),
      gateway: anyText(dice),
      intake: anyText(dice),
      reversePath: anyText(dice),
      recipients: dice.list(5, () => `${anyText(dice)}@${anyText(dice)}`),
      subject: maybe(),
      messageId: maybe(),
      clientIp: anyText(dice),
      date: dice.pick([0, -1, NaN, Infinity, 1e15, 1e300, Date.UTC(2026, 1, 1)]),
    }
  }

  function anyOriginal(dice: Dice): Buffer {
    const pieces = [
      '\r\n',
      '\r\n',
      '\n',
      'A: b',
      ' ',
      '.',
      '\xfc',
      '--',
      '--_tdc.',
      'x-ironport-remoteip:',
    ]
    const from = dice.pick(['', 'From: a@b\r\n', 'Content-Type: multipart/mixed; boundary=a\r\n'])
    return Buffer.from(from + dice.list(30, () => dice.pick(pieces)).join(''), 'latin1')
  }

  /** Holds for every report; gives its attachment. */
  function check(report: Buffer, facts: ReportFacts): Buffer {
    const parts = splitReport(report)
    assert.match(parts.header, /^[\x20-\x7e\t\r\n]*$/)
    for (const line of parts.header.split('\r\n')) {
      assert.ok(line.length <= 998)
      assert.ok(FIELDS.test(line) || /^[ \t]+[^ \t]/.test(line), line)
    }
    const names = parts.header.match(/^[^ \t:]+(?=:)/gm) ?? []
    assert.equal(new Set(names).size, names.length, 'a field twice')
    const lines = envelopeLines(parts)
    const known = ['Sender', 'Subject', 'Message-Id']
    lines.forEach((line, i) => {
      assert.ok(line.startsWith(`${known[i] ?? 'Recipient'}: `), line)
      assert.ok(Buffer.byteLength(line) <= 998)
    })
    assert.ok(lines.length <= 3 + facts.recipients.length)
    return attached(parts)
  }

  it('is one well-formed message of two parts, the second the original', async () => {
    const dice = Dice.thrown('reports')
    for (let round = 0; round < 3000; round++) {
      const facts = anyFacts(dice)
      const original = anyOriginal(dice)
      const options = {
        markerValue: anyText(dice),
        from: dice.below(2) === 0 ? undefined : anyText(dice),
        remoteIpHeader: OPTIONS.remoteIpHeader,
        bareCr: OPTIONS.bareCr,
        token: anyText(dice),
      }
      const report = journal(original, facts, options)
      const content = check(report, facts)
      const kept = filter([original], { remove: journalRemovals(OPTIONS.remoteIpHeader) })
      const [first, rest] = cutAt(content.toString('latin1'), '\r\n')
      assert.match(first, /^X-IronPort-RemoteIP: [\x20-\x7e]*$/)
      const guard = kept.traits.leadingFold ? 'X-TDC-Leading-Fold: yes\r\n' : ''
      assert.equal(rest, guard + kept.bytes.toString('latin1'))
      assert.ok(content.equals(attached(splitReport(readBack(report)))))
      if (round % 20 === 0) await checkWithMailparser(report, content)
    }
  })

  function readBack(report: Buffer): Buffer {
    const wire = Buffer.concat([stuff([report]), Buffer.from('.\r\n')])
    const { message, rest } = readData(wire)
    assert.equal(rest.length, 0)
    return message
  }

  async function checkWithMailparser(report: Buffer, content: Buffer): Promise<void> {
    const mail = await simpleParser(report)
    assert.equal(mail.attachments.length, 1)
    assert.ok(mail.attachments[0]?.content.equals(content))
    assert.equal(mail.attachments[0]?.contentType, 'message/rfc822')
    assert.equal(mail.headers.get('auto-submitted'), 'auto-generated')
  }

  it('ends after the original with one delimiter', () => {
    assert.equal(journalTail(BOUNDARY).toString(), `\r\n--${BOUNDARY}--\r\n`)
  })
})
