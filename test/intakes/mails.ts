import type { Mail } from '../support/smtp-client'

/** What takes turns, each named for what it tries. */
export const KINDS = [
  'plain',
  '8-bit',
  'dots',
  'long lines',
  'very long line',
  'NUL',
  'bare CR',
  'no subject',
  'header only',
  'empty',
  'SMTPUTF8',
  '100 recipients',
  'multipart',
  'blank end',
  '64 KB',
  '5 MB',
] as const

export type Kind = (typeof KINDS)[number]

export interface NumberedMail extends Mail {
  readonly number: number
  readonly kind: Kind
}

/** `count` mails of all kinds in turn. Its first recipient tells which one a copy is of. */
export function mails(count: number): NumberedMail[] {
  return Array.from({ length: count }, (_, number) => {
    const kind = KINDS[number % KINDS.length] ?? 'plain'
    const to = [recipient(number)]
    if (kind === '100 recipients') for (let at = 1; at < 100; at++) to.push(`more${at}@example.com`)
    return {
      number,
      kind,
      from: kind === 'SMTPUTF8' ? 'jürgen@client.example' : 'sender@client.example',
      to,
      parameters: PARAMETERS[kind] ?? [],
      raw: Buffer.from(text(kind, number), kind === '8-bit' ? 'latin1' : 'utf8'),
    }
  })
}

/** Which mail a copy is of, as its report names the recipients. */
export function numberIn(copy: string): number | undefined {
  const [, number] = /^Recipient: .*?to-(\d+)@example\.com/m.exec(copy) ?? []
  return number === undefined ? undefined : Number(number)
}

function recipient(number: number): string {
  return `to-${number}@example.com`
}

const PARAMETERS: Partial<Readonly<Record<Kind, readonly string[]>>> = {
  '8-bit': ['BODY=8BITMIME'],
  SMTPUTF8: ['SMTPUTF8', 'BODY=8BITMIME'],
}

const LINE = 'The quick brown fox jumps over the lazy dog, again and again, until dawn.\r\n'
const KB = 1_024

function text(kind: Kind, number: number): string {
  const head = `From: sender@client.example\r\nSubject: ${kind} ${number}\r\n`
  switch (kind) {
    case 'plain':
      return `${head}\r\n${LINE.repeat(1 + (number % 60))}`
    case '8-bit':
      return `${head}Content-Transfer-Encoding: 8bit\r\n\r\n${'\xe4\xf6\xfc \xff\x80\r\n'.repeat(50)}`
    case 'dots':
      return `${head}\r\n${'.\r\n..\r\n.dot\r\n...\r\n'.repeat(20)}`
    case 'long lines':
      return `${head}\r\n${`${'x'.repeat(998)}\r\n`.repeat(5)}`
    case 'very long line':
      return `${head}\r\n${'y'.repeat(20_000)}\r\n`
    case 'NUL':
      return `${head}\r\nbefore \0 and behind\r\n`
    case 'bare CR':
      return `${head}\r\nbefore \r and behind\r\n`
    case 'no subject':
      return `From: sender@client.example\r\n\r\n${LINE}`
    case 'header only':
      return head
    case 'empty':
      return ''
    case 'SMTPUTF8':
      return `From: jürgen@client.example\r\nSubject: обзор ${number} 📈\r\n\r\nGrüße\r\n`
    case '100 recipients':
      return `${head}\r\n${LINE.repeat(20)}`
    case 'multipart':
      return (
        `${head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_b"\r\n\r\n` +
        `--=_b\r\n\r\ntext\r\n--=_b\r\nContent-Type: message/rfc822\r\n\r\n${head}\r\n${LINE}\r\n--=_b--\r\n`
      )
    case 'blank end':
      return `${head}\r\ntrailing \t \r\n\r\n\r\n \r\n`
    case '64 KB':
      return `${head}\r\n${LINE.repeat(Math.ceil((64 * KB) / LINE.length))}`
    case '5 MB':
      return `${head}\r\n${LINE.repeat(Math.ceil((5 * KB * KB) / LINE.length))}`
  }
}
