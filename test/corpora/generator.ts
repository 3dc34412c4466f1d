import { Dice } from '../support/dice'

/** A message as a client sends it: octets, every LF behind a CR. */
export interface Sample {
  readonly name: string
  readonly raw: Buffer
}

/** `count` messages, each oddity in turn, its details drawn; the same for a seed. */
export function generate(count: number, seed: number): Sample[] {
  const dice = new Dice(seed)
  const kinds = Object.entries(ODDITIES)
  return Array.from({ length: count }, (_, at) => {
    const [kind, make] = kinds[at % kinds.length] as [string, Make]
    const text = make(dice, at)
    return { name: `${at} ${kind}`, raw: withLineEnds(Buffer.from(text, 'latin1')) }
  })
}

/** The fields that only the gateway may say, forged, with each octet beside their names that may hide them. */
export function dressedFields(): Sample[] {
  const octets = [...Array.from({ length: 0x21 }, (_, octet) => octet), 0x7f]
  return octets
    .filter((octet) => octet !== 10)
    .flatMap((octet) => {
      const dress = String.fromCharCode(octet)
      const hex = octet.toString(16).padStart(2, '0')
      return [
        { name: `${hex} before the name`, forge: (name: string) => `${dress}${name}: 192.0.2.66` },
        { name: `${hex} behind the name`, forge: (name: string) => `${name}${dress}: 192.0.2.66` },
        {
          name: `${hex} on both sides`,
          forge: (name: string) => `${dress}${name}${dress}${dress}: 1`,
        },
      ]
    })
    .map(({ name, forge }, at) => {
      // Something else above them: a first line that begins with a blank continues nothing.
      const fields = ['Subject: forged', ...['X-IronPort-RemoteIP', 'X-CSE-ClientIP'].map(forge)]
      return { name, raw: withLineEnds(Buffer.from(`${head(at, ...fields)}\nbody\n`, 'latin1')) }
    })
}

/** Octets as latin1 text; LF alone stands for a line end. */
type Make = (dice: Dice, at: number) => string

const head = (at: number, ...fields: string[]) =>
  [
    `From: "Sender ${at}" <sender${at}@client.example>`,
    `To: somebody@example.com`,
    `Date: Fri, 20 Nov 2026 10:00:00 +0000`,
    `Message-ID: <generated-${at}@client.example>`,
    ...fields,
  ].join('\n') + '\n'

const mime = (at: number, type: string, ...fields: string[]) =>
  head(at, `Subject: Message ${at}`, 'MIME-Version: 1.0', `Content-Type: ${type}`, ...fields)

const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1')

const WORDS = [
  'invoice',
  'meeting',
  'please',
  'see',
  'attached',
  'the',
  'of',
  'price',
  '12.50',
  '=',
]

const line = (dice: Dice, most = 70) =>
  dice
    .list(12, () => dice.pick(WORDS))
    .join(' ')
    .slice(0, most)

const text = (dice: Dice, lines = 12) =>
  [line(dice), ...dice.list(lines, () => line(dice))].join('\n') + '\n'

const octets = (dice: Dice, size: number, but: readonly number[] = [0, 10, 13]) =>
  Array.from({ length: size }, () => {
    const octet = dice.below(256)
    return String.fromCharCode(but.includes(octet) ? 0x41 : octet)
  }).join('')

const base64 = (dice: Dice, size: number) =>
  Buffer.from(octets(dice, size, []), 'latin1')
    .toString('base64')
    .replace(/.{76}/g, '$&\n') + '\n'

const multipart = (at: number, kind: string, parts: readonly string[], boundary = `b${at}`) =>
  mime(at, `multipart/${kind}; boundary="${boundary}"`) +
  `\n${parts.map((part) => `--${boundary}\n${part}\n`).join('')}--${boundary}--\n`

const plainPart = (dice: Dice) => `Content-Type: text/plain\n\n${text(dice, 4)}`

/** A tree of parts: what mail programs make, and what none does. */
function tree(dice: Dice, depth: number): string {
  if (depth === 0 || dice.below(3) === 0) return plainPart(dice)
  if (dice.below(4) === 0) {
    return `Content-Type: message/rfc822\n\nSubject: inner\n${tree(dice, depth - 1)}`
  }
  const boundary = `t${depth}${'='.repeat(dice.below(3))}${dice.below(1e6)}`
  const parts = dice.list(3, () => `--${boundary}\n${tree(dice, depth - 1)}\n`)
  const kind = dice.pick(['mixed', 'alternative', 'related', 'digest', 'report', 'signed', 'x-odd'])
  return `Content-Type: multipart/${kind}; boundary="${boundary}"\n\n${parts.join('')}--${boundary}--\n`
}

const forged = (name: string) => (_: Dice, at: number) =>
  head(at, 'Subject: forged', `${name}: 192.0.2.66`) + `\nbody\n`

/** What messages are like that have been trouble somewhere, by what is odd in them. */
const ODDITIES: Readonly<Record<string, Make>> = {
  plain: (dice, at) => head(at, `Subject: ${line(dice, 40)}`) + `\n${text(dice, 40)}`,
  nothing: () => '',
  'header only': (_, at) => head(at, 'Subject: no body').trimEnd() + '\n',
  'header, then one blank line': (_, at) => head(at) + '\n',
  'body only': (dice) => `\n${text(dice)}`,
  'no colon in the first line': (dice) => `This is no field\n${text(dice)}`,
  'first line continues nothing': (_, at) => ` folded\n${head(at)}\nbody\n`,
  'first line of a form feed': (_, at) => `\f\n${head(at)}\nbody\n`,
  'mbox line on top': (_, at) => `From sender@client.example Fri Nov 20\n${head(at)}\nbody\n`,
  'From in the body': (_, at) => head(at) + '\nFrom here on\n>From there\n',
  dots: (dice, at) =>
    head(at) + '\n' + dice.list(9, () => '.'.repeat(dice.below(4)) + '\n').join(''),
  'dot in the header': (_, at) => head(at, '.hidden: x', '..Subject: y') + '\n.\n',
  'octet 0': (_, at) => head(at, 'Subject: nul') + '\nbefore\0behind\n',
  '8 bit body': (dice, at) =>
    mime(at, 'text/plain; charset=windows-1252', 'Content-Transfer-Encoding: 8bit') +
    `\n${octets(dice, 300)}\n`,
  '8 bit header': (_, at) => head(at, `Subject: ${utf8('Größe — 概要')}`) + '\nbody\n',
  'latin-1 header': (_, at) => head(at, 'Subject: Gr\xf6\xdfe') + '\nbody\n',
  'utf-8 body': (_, at) =>
    mime(at, 'text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit') +
    utf8('\nGrüße, обзор, 概要 📈\n'),
  'byte order mark': (_, at) => utf8('\ufeff') + head(at) + '\nbody\n',
  'lines of 998': (dice, at) => head(at) + `\n${octets(dice, 998)}\n`,
  'lines of 5,000': (dice, at) => head(at) + `\n${octets(dice, 5000, [0, 10, 13, 46])}\n`,
  'bare CR': (_, at) => head(at) + '\none\rtwo\r\rthree\n',
  'CR CR LF': (_, at) => head(at) + '\none\r\n\r\r\ntwo\n',
  'CR beside a delimiter': (dice, at) =>
    multipart(at, 'mixed', [plainPart(dice), 'Content-Type: text/html\r\n\r\n<p>x']) + '\r--b\r\n',
  'long field': (dice, at) => head(at, `X-Long: ${octets(dice, 900)}`) + '\nbody\n',
  'long folded field': (_, at) =>
    head(at, `References:${'\n <a@client.example>'.repeat(400)}`) + '\n\n',
  'many fields': (_, at) =>
    head(at, ...Array.from({ length: 300 }, (__, i) => `X-${i}: ${i}`)) + '\n',
  'folded with tabs': (_, at) => head(at, 'Subject: one\n\ttwo\n \t three') + '\nbody\n',
  'folded over an empty line': (_, at) => head(at, 'Subject: one\n \n two') + '\nbody\n',
  'fields twice': (_, at) =>
    head(at, 'Subject: a', 'Subject: b', 'Message-ID: <two@client.example>') + '\nbody\n',
  'no blank behind the colon': (_, at) =>
    head(at, 'Subject:none', 'X-Empty:', 'X-Tab:\tx') + '\n\n',
  'blank before the colon': (_, at) => head(at, 'Subject : odd', 'X-Odd\t: odd') + '\nbody\n',
  'control characters': (dice, at) =>
    head(at, 'Subject: \x01\x02\x7f') + `\n${octets(dice, 200, [0, 10, 13])}\v\f\b\x1b[2J\n`,
  'multipart/alternative': (dice, at) =>
    multipart(at, 'alternative', [plainPart(dice), 'Content-Type: text/html\n\n<p>hello</p>']),
  attachment: (dice, at) =>
    multipart(at, 'mixed', [
      plainPart(dice),
      'Content-Type: application/pdf; name="a.pdf"\nContent-Transfer-Encoding: base64\n' +
        `Content-Disposition: attachment; filename*0*=utf-8''%e6%a6; filename*1*=%82.pdf\n\n` +
        base64(dice, 3000),
    ]),
  'encoded file name': (dice, at) =>
    multipart(at, 'mixed', [
      `Content-Type: image/png; name="=?utf-8?B?5qaC6KaB?="\nContent-Transfer-Encoding: base64\n\n` +
        base64(dice, 600),
    ]),
  'quoted-printable': (_, at) =>
    mime(at, 'text/plain', 'Content-Transfer-Encoding: quoted-printable') +
    '\nGr=FC=DFe =\n=3D=20\nbroken =ZZ =\n',
  'broken base64': (_, at) =>
    mime(at, 'application/octet-stream', 'Content-Transfer-Encoding: base64') +
    '\n*A=B==C\n\n====\n',
  uuencode: (_, at) => head(at) + '\nbegin 644 a.txt\n#86)C\n`\nend\n',
  'no closing delimiter': (dice, at) =>
    mime(at, 'multipart/mixed; boundary=open') + `\n--open\n${plainPart(dice)}`,
  'delimiter never comes': (dice, at) =>
    mime(at, 'multipart/mixed; boundary=x') + `\n${text(dice)}`,
  'boundary of another': (dice, at) =>
    multipart(at, 'mixed', [multipart(at, 'alternative', [plainPart(dice)], 'ab')], 'a'),
  'boundary of odd characters': (dice, at) =>
    multipart(at, 'mixed', [plainPart(dice)], `'()+_,-./:=? ${at}`),
  'no boundary': (dice, at) => mime(at, 'multipart/mixed') + `\n${text(dice)}`,
  'preamble and epilogue': (dice, at) =>
    multipart(at, 'mixed', [plainPart(dice)]).replace('\n\n', '\n\npreamble\n') + 'epilogue\n--b\n',
  'parts in parts': (dice, at) => `${head(at, 'MIME-Version: 1.0').trimEnd()}\n${tree(dice, 12)}`,
  'any tree': (dice, at) => `${head(at, 'MIME-Version: 1.0').trimEnd()}\n${tree(dice, 4)}`,
  'message in a message': (dice, at) =>
    mime(at, 'message/rfc822') + `\n${mime(at, 'message/rfc822')}\nSubject: in\n\n${text(dice)}`,
  'message in base64': (dice, at) =>
    mime(at, 'message/rfc822', 'Content-Transfer-Encoding: base64') + `\n${base64(dice, 500)}`,
  bounce: (_, at) =>
    multipart(at, 'report; report-type=delivery-status', [
      'Content-Type: text/plain\n\nnot delivered',
      'Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.client.example\n\n' +
        'Final-Recipient: rfc822; nobody@client.example\nAction: failed\nStatus: 5.1.1',
      'Content-Type: text/rfc822-headers\n\nSubject: gone',
    ]),
  signed: (dice, at) =>
    head(
      at,
      'DKIM-Signature: v=1; a=rsa-sha256; d=client.example; s=s; h=from; bh=; b=',
      'ARC-Seal: i=1; a=rsa-sha256; cv=none; d=client.example; s=s; b=',
    ) + multipart(at, 'signed; protocol="application/pgp-signature"', [plainPart(dice)]),
  'a report of another gateway': (dice, at) =>
    head(at, 'X-MS-Journal-Report:', 'Auto-Submitted: auto-generated') +
    multipart(at, 'mixed', [
      `Content-Type: text/plain\n\nSender: a@client.example\nRecipient: b@client.example\n`,
      `Content-Type: message/rfc822\n\n${head(at)}\n${text(dice)}`,
    ]),
  'partial message': (dice, at) =>
    mime(at, `message/partial; id="${at}"; number=1; total=2`) + `\n${text(dice)}`,
  'external body': (_, at) =>
    mime(at, 'message/external-body; access-type=ftp; site=x; name=y') + '\n\n',
  calendar: (_, at) =>
    mime(at, 'text/calendar; method=REQUEST') + '\nBEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n',
  'unknown character set': (_, at) => mime(at, 'text/plain; charset=x-unknown-9') + '\n\xa4\xa4\n',
  'iso-2022-jp': (_, at) =>
    mime(at, 'text/plain; charset=iso-2022-jp').replace(
      `Message ${at}`,
      '=?ISO-2022-JP?B?GyRCMzVNVxsoQg==?=\n =?ISO-2022-JP?B?GyRCMzVNVxsoQg==?=',
    ) + '\n\x1b$B35MW\x1b(B\n',
  'encoded words that are none': (_, at) =>
    head(at, 'Subject: =?utf-8?B?!?= =?x?Q?=0D=0A?= =?utf-8?Q?a=?=') + '\nbody\n',
  'trailing blanks': (dice, at) => head(at) + `\n${line(dice)} \t \n\n \n\n\n`,
  'delimiter-like lines': (dice, at) => head(at) + `\n--\n-- \n--b${at}\n--b${at}--\n${text(dice)}`,
  'every octet': (_, at) =>
    mime(at, 'application/octet-stream', 'Content-Transfer-Encoding: binary') +
    '\n' +
    Array.from({ length: 256 }, (__, octet) =>
      octet === 10 || octet === 13 || octet === 0 ? ' ' : String.fromCharCode(octet),
    ).join('') +
    '\n',
  'forged address of the client': forged('X-IronPort-RemoteIP'),
  'forged, in small letters, twice': forged('x-ironport-remoteip: 192.0.2.1\nX-IRONPORT-REMOTEIP'),
  'forged, folded': forged('X-IronPort-RemoteIP:\n 192.0.2.65\nX-IronPort-RemoteIP'),
  'forged, a blank before the colon': forged('X-IronPort-RemoteIP '),
  'forged, dressed in control octets': (dice, at) => {
    const octet = () => String.fromCharCode(dice.pick([1, 2, 8, 9, 11, 12, 14, 27, 31, 32, 127]))
    const name = `${octet()}X-IronPort-RemoteIP${octet()}`
    return (
      head(at, 'Subject: forged', `${name}: 192.0.2.66`, `X-CSE-ClientIP${octet()}: 1`) + '\n\n'
    )
  },
  'forged recipient': forged('X-CSE-RcptTo: <other@example.com>\nX-CSE-ClientIP'),
  'forged token': forged('X-Haraka-TDC: v=1; id=5F2A0B6C; mac=00\nX-TDC-Normalized'),
}

export const ODDITY_COUNT = Object.keys(ODDITIES).length

/** Makes every LF a CRLF; a CR that stands elsewhere stays bare. The last line ends in any case. */
export function withLineEnds(octetsOfText: Buffer): Buffer {
  const all = octetsOfText.toString('latin1').replace(/(?<!\r)\n/g, '\r\n')
  // A final CR would take the CRLF that a client adds for its own.
  const whole = all === '' || all.endsWith('\r\n') ? all : `${all.replace(/\r+$/, '')}\r\n`
  return Buffer.from(whole, 'latin1')
}
