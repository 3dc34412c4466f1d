import assert from 'node:assert/strict'
import type { JournalOptions } from '../../plugins/tdc/journal/journal-report'
import { journalHead, journalRemovals, journalTail } from '../../plugins/tdc/journal/journal-report'
import { DotStuffer } from '../../plugins/tdc/journal/dot-stuffer'
import { OriginalFilter } from '../../plugins/tdc/journal/original-filter'
import type { FilterOptions, OriginalTraits } from '../../plugins/tdc/journal/original-filter'
import type { ReportFacts } from '../../plugins/tdc/journal/report'
import { Dice } from './dice'

export const BOUNDARY = '_tdc.4f1d0c2e9a7b4c3d8e5f60718293a4b5_'

export const OPTIONS: JournalOptions & { readonly token: string } = {
  markerValue: 'journal',
  from: undefined,
  remoteIpHeader: 'X-IronPort-RemoteIP',
  bareCr: 'as_postfix',
  token: 'v=1; id=5F2A0B6C; mac=00',
}

export const PLAIN = { eightBit: false, normalized: false, leadingFold: false }

export function factsWith(changes: Partial<ReportFacts> = {}): ReportFacts {
  return {
    mid: '5F2A0B6C-0000-4000-8000-000000000001.1',
    gateway: 'mx.example.com',
    intake: 'tenant@intake.example.org',
    reversePath: 'alice@example.net',
    recipients: ['bob@example.com', 'carol@example.com'],
    subject: ' Quarterly figures\n',
    messageId: ' <1@example.net>\n',
    clientIp: '203.0.113.7',
    date: Date.UTC(2026, 10, 20, 10, 0, 1),
    ...changes,
  }
}

export function splitAtRandom(data: Buffer, dice: Dice): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < data.length;) {
    const size = dice.pick([1, 1, 2, 3, 7, 40, 100, 5000])
    chunks.push(data.subarray(at, at + size))
    at += size
  }
  return chunks
}

export interface Filtered {
  readonly bytes: Buffer
  readonly traits: OriginalTraits
}

export function filter(chunks: readonly Buffer[], options: Partial<FilterOptions> = {}): Filtered {
  const original = new OriginalFilter({
    remove: [],
    boundary: undefined,
    bareCr: 'as_postfix',
    ...options,
  })
  const out = chunks.map((chunk) => original.push(chunk))
  const bytes = Buffer.concat([...out, original.end()])
  return { bytes, traits: original.traits }
}

export function stuff(chunks: readonly Buffer[]): Buffer {
  const stuffer = new DotStuffer()
  const out = chunks.map((chunk) => stuffer.push(chunk))
  return Buffer.concat([...out, stuffer.end()])
}

/** The whole report, as the queue will hold it. */
export function journal(
  original: Buffer,
  facts: ReportFacts = factsWith(),
  options: JournalOptions = OPTIONS,
): Buffer {
  const remove = journalRemovals(options.remoteIpHeader)
  const { bytes, traits } = filter([original], { remove, boundary: BOUNDARY })
  const head = journalHead(facts, options, BOUNDARY, traits)
  return Buffer.concat([head, bytes, journalTail(BOUNDARY)])
}

/** A server that knows CRLF only: the message, unstuffed, and whatever follows the end of data. */
export function readData(wire: Buffer): { message: Buffer; rest: Buffer } {
  const text = wire.toString('latin1')
  const lines: string[] = []
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n', at)
    assert.notEqual(end, -1, 'no end of data')
    const line = text.slice(at, end)
    at = end + 2
    if (line === '.') {
      const message = lines.map((one) => one.replace(/^\./, '') + '\r\n').join('')
      return { message: Buffer.from(message, 'latin1'), rest: wire.subarray(at) }
    }
    lines.push(line)
  }
}

export interface Report {
  readonly header: string
  readonly parts: readonly { readonly header: string; readonly body: Buffer }[]
}

/** A byte splitter that accepts exactly the layout of the report and nothing else. */
export function splitReport(report: Buffer): Report {
  const text = report.toString('latin1')
  const [header = '', rest] = cutAt(text, '\r\n\r\n')
  const boundary = /^Content-Type: multipart\/mixed;\r\n\tboundary="([^"]+)"$/m.exec(header)?.[1]
  assert.ok(boundary !== undefined, 'no boundary')
  assert.equal(header.includes(`\n--${boundary}`), false)
  const pieces = `\r\n${rest}`.split(`\r\n--${boundary}`)
  assert.equal(pieces.shift(), '', 'preamble')
  assert.equal(pieces.pop(), '--\r\n', 'close delimiter')
  const parts = pieces.map((piece) => {
    assert.ok(piece.startsWith('\r\n'), 'delimiter line')
    const [partHeader, body] = cutAt(piece.slice(2), '\r\n\r\n')
    return { header: partHeader, body: Buffer.from(body, 'latin1') }
  })
  assert.equal(parts.length, 2)
  return { header, parts }
}

export function envelopeLines(report: Report): string[] {
  const text = report.parts[0]?.body.toString('utf8') ?? ''
  assert.ok(text.endsWith('\r\n'))
  return text.slice(0, -2).split('\r\n')
}

export function attached(report: Report): Buffer {
  return report.parts[1]?.body ?? Buffer.alloc(0)
}

export function cutAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  assert.notEqual(at, -1)
  return [text.slice(0, at), text.slice(at + separator.length)]
}

/** Values that have broken such programs before. */
export const HOSTILE_VALUES: readonly string[] = [
  '',
  ' ',
  '\r\n',
  'a\r\nRecipient: evil@example.org',
  'a\nRecipient: evil@example.org',
  'a\rRecipient: evil@example.org',
  `a\r\n\r\n--${BOUNDARY}--\r\n`,
  `--${BOUNDARY}`,
  '=?utf-8?Q?x=0D=0ARecipient:_evil@x?=',
  '=?utf-8?B?DQoNCi0tYQ==?=',
  '=?utf-16?B?AA0ACgAu?=',
  '=?utf-8?Q?broken=ZZ?=',
  '=?no-such-charset?B?AAAA?=',
  '=?utf-8?B?!!!?=',
  '=?utf-8?Q?' + 'a'.repeat(2000) + '?=',
  '=?utf-8?B?w7w?= =?utf-8?B?w7w=?=',
  '=?',
  '?=',
  'x\u2028y\u2029z\u0085w\u202e\u2066',
  '\u0000\u0007\u001b[2J\u007f\u009b',
  '\ud800',
  '\ufeff\ufffe',
  'ü'.repeat(3000),
  'x'.repeat(10_000),
  'a b '.repeat(3000),
  '\t folded\r\n\tagain\r\n \r\n x',
  '"a b"@example.org',
  '"a,b"@example.org',
  '@a.example,@b.example:user@example.org',
  'user@[IPv6:2001:db8::1]',
  'grüße@bücher.example',
  'user@bücher.example',
  '\u{1f4a9}@\u{1f4a9}.la',
  '<>',
  '.',
  '..',
]

export function anyText(dice: Dice): string {
  return dice
    .list(4, () => {
      if (dice.below(3) > 0) return dice.pick(HOSTILE_VALUES)
      return String.fromCharCode(
        ...dice.list(12, () => dice.below(dice.pick([32, 128, 256, 65_536]))),
      )
    })
    .join('')
}
