import { Dice } from '../support/dice'
import type { Mail } from '../support/smtp-client'

/** The kinds of mail that take turns, each named for what it tries. */
const KINDS = [
  'plain',
  'latin-1',
  'utf-8 headers',
  'dot lines',
  'long lines',
  'multipart',
  'bounce',
  'blank ends',
] as const

export type Kind = (typeof KINDS)[number]

export interface NumberedMail extends Mail {
  readonly number: number
  readonly kind: Kind
}

const SMALLEST = 1024
const LARGEST = 2 * 1024 * 1024

/** `count` mails of all kinds in turn, for 1 to 5 recipients, of 1 KB to 2 MB; the same for a seed. */
export function makeMails(count: number, seed: number): NumberedMail[] {
  const dice = new Dice(seed)
  return Array.from({ length: count }, (_, number) => {
    const kind = KINDS[number % KINDS.length] ?? 'plain'
    const recipients = 1 + dice.below(5)
    // Sizes spread evenly over the magnitudes; the first two are the ends of the range.
    const exponent = number < 2 ? number : dice.next()
    const size = Math.round(SMALLEST * (LARGEST / SMALLEST) ** exponent)
    return {
      number,
      kind,
      from: kind === 'bounce' ? '' : `sender${number}@client.example`,
      to: Array.from({ length: recipients }, (_, at) => `rcpt${number}.${at}@example.com`),
      parameters: kind === 'latin-1' || kind === 'utf-8 headers' ? ['BODY=8BITMIME'] : [],
      raw: message(number, kind, size, dice),
    }
  })
}

/** Which mail a message is: its number stands in its Message-ID. */
export function messageId(number: number): string {
  return `<mail-${number}@client.example>`
}

function message(number: number, kind: Kind, size: number, dice: Dice): Buffer {
  const head = [
    `Message-ID: ${messageId(number)}`,
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
    'MIME-Version: 1.0',
    ...headers(number, kind),
  ]
  const start = Buffer.from(head.join('\r\n') + '\r\n\r\n', 'utf8')
  return Buffer.concat([start, body(kind, size - start.length, dice)])
}

function headers(number: number, kind: Kind): string[] {
  const subject = `Subject: Mail ${number}, ${kind}`
  switch (kind) {
    case 'latin-1':
      return [
        'From: Sender <sender@client.example>',
        'Subject: =?iso-8859-1?Q?Gr=FC=DFe?=',
        'Content-Type: text/plain; charset=iso-8859-1',
        'Content-Transfer-Encoding: 8bit',
      ]
    case 'utf-8 headers':
      return [
        'From: Jürgen Größe <sender@client.example>',
        `Subject: Mail ${number} — Übersicht, 概要, обзор 📈`,
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: 8bit',
      ]
    case 'multipart':
      return [
        'From: Sender <sender@client.example>',
        subject,
        `Content-Type: multipart/mixed;\r\n\tboundary="${BOUNDARY}"`,
      ]
    case 'bounce':
      return [
        'From: Mail Delivery System <mailer-daemon@client.example>',
        'Subject: Undelivered Mail Returned to Sender',
        'Auto-Submitted: auto-replied',
        `Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="${BOUNDARY}"`,
      ]
    default:
      return ['From: Sender <sender@client.example>', subject]
  }
}

const BOUNDARY = '=_part'

function body(kind: Kind, size: number, dice: Dice): Buffer {
  switch (kind) {
    case 'plain':
      return lines(size, () => text(dice, ASCII, 1 + dice.next() * 76))
    case 'latin-1':
      return lines(size, () => eightBit(dice, 1 + dice.next() * 76))
    case 'utf-8 headers':
      return lines(size, () => text(dice, WIDE, 1 + dice.next() * 60))
    case 'dot lines':
      return lines(size, (at) => '.'.repeat(at % 4) + (at % 3 === 0 ? '' : text(dice, ASCII, 8)))
    case 'long lines':
      return lines(size, () => text(dice, ASCII, 990 + dice.next() * 9))
    case 'blank ends':
      return Buffer.concat([
        lines(size, () => text(dice, ASCII, dice.next() * 40) + (dice.next() < 0.5 ? ' \t ' : '')),
        Buffer.from('\r\n'.repeat(1 + dice.next() * 5)),
      ])
    case 'multipart':
      return parts([
        ['Content-Type: text/plain', lines(200, () => text(dice, ASCII, 60))],
        [
          'Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n' +
            'Content-Disposition: attachment; filename="report.bin"',
          lines(size - 500, () => text(dice, BASE64, 76)),
        ],
      ])
    case 'bounce':
      return parts([
        ['Content-Type: text/plain', Buffer.from('The mail could not be delivered.\r\n')],
        [
          'Content-Type: message/delivery-status',
          Buffer.from(
            'Reporting-MTA: dns; mx.client.example\r\n\r\n' +
              'Final-Recipient: rfc822; nobody@client.example\r\nAction: failed\r\nStatus: 5.1.1\r\n',
          ),
        ],
        [
          'Content-Type: message/rfc822',
          Buffer.concat([
            Buffer.from('Subject: the mail that bounced\r\n\r\n'),
            lines(size - 700, () => text(dice, ASCII, 72)),
          ]),
        ],
      ])
  }
}

function parts(all: readonly (readonly [headers: string, content: Buffer])[]): Buffer {
  return Buffer.concat([
    ...all.flatMap(([head, content]) => [
      Buffer.from(`--${BOUNDARY}\r\n${head}\r\n\r\n`),
      content,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ])
}

/** Lines until there are `size` bytes, all ending in CRLF. */
function lines(size: number, line: (at: number) => string | Buffer): Buffer {
  const made: Buffer[] = []
  for (let at = 0, bytes = 0; bytes < size; at++) {
    const next = Buffer.concat([Buffer.from(line(at)), Buffer.from('\r\n')])
    made.push(next)
    bytes += next.length
  }
  return Buffer.concat(made)
}

const ASCII = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at))
const BASE64 = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/']
const WIDE = [...'abc äöüß éèê жзик 概要日本 📈✉']

function text(dice: Dice, alphabet: readonly string[], length: number): string {
  let made = ''
  for (let left = Math.floor(length); left > 0; left--) {
    made += dice.pick(alphabet)
  }
  return made
}

/** Any octet but NUL, CR and LF. */
function eightBit(dice: Dice, length: number): Buffer {
  const made = Buffer.alloc(Math.floor(length))
  for (let at = 0; at < made.length; at++) {
    const octet = 1 + dice.below(255)
    made[at] = octet === 10 || octet === 13 ? 0xe9 : octet
  }
  return made
}
