import assert from 'node:assert/strict'
import { capabilitiesOf } from '../plugins/tdc/smtp/capabilities'
import {
  MAX_REPLY_LINE,
  MAX_REPLY_LINES,
  MAX_REPLY_OCTETS,
  type Parsed,
  replyLine,
  ReplyParser,
} from '../plugins/tdc/smtp/reply'
import { Dice } from './support/dice'

interface Row {
  readonly octets: string
  readonly parsed: Parsed
  readonly pending?: boolean
}

const GOOD: readonly Row[] = [
  reply('250 Ok\r\n', { code: 250, text: 'Ok' }),
  reply('250\r\n', { code: 250, text: '' }, ['']),
  reply('250 \r\n', { code: 250, text: '' }, ['']),
  reply('250 Ok\n', { code: 250, text: 'Ok' }),
  reply('354 Go\r\n', { code: 354, text: 'Go' }),
  reply('599 x\r\n', { code: 599, text: 'x' }),
  reply('200 x\r\n', { code: 200, text: 'x' }),
  reply('550 5.7.1 No\r\n', { code: 550, enhanced: '5.7.1', text: 'No' }, ['5.7.1 No']),
  reply('550 5.7.1\r\n', { code: 550, enhanced: '5.7.1', text: '' }, ['5.7.1']),
  reply('451-4.3.2 Down\r\n451 Later\r\n', { code: 451, enhanced: '4.3.2', text: 'Down Later' }, [
    '4.3.2 Down',
    'Later',
  ]),
  reply('550 5.123.456 No\r\n', { code: 550, enhanced: '5.123.456', text: 'No' }, ['5.123.456 No']),
  // Of another class than the code, or no status at all: text.
  reply('550 4.7.1 No\r\n', { code: 550, text: '4.7.1 No' }),
  reply('550 5.7.1No\r\n', { code: 550, text: '5.7.1No' }),
  reply('354 3.0.0 Go\r\n', { code: 354, text: '3.0.0 Go' }),
  reply(
    '250-2.1.0 a\r\n250-2.1.0 b\r\n250 2.1.5 c\r\n',
    { code: 250, enhanced: '2.1.5', text: 'a b c' },
    ['2.1.0 a', '2.1.0 b', '2.1.5 c'],
  ),
  reply('250-a\n250\r\n', { code: 250, text: 'a' }, ['a', '']),
  reply('250 gr\u00fc\u00df\r\n', { code: 250, text: 'gr\u00fc\u00df' }),
  { ...reply('250 a\r\n250 b\r\n', { code: 250, text: 'a' }), pending: true },
  { ...reply('250 a\r\n2', { code: 250, text: 'a' }), pending: true },
  { octets: '', parsed: { kind: 'more' } },
  { octets: '250', parsed: { kind: 'more' }, pending: true },
  { octets: '250-a\r\n', parsed: { kind: 'more' }, pending: true },
]

const BAD: readonly (readonly [octets: string, why: string])[] = [
  ['\r\n', 'a line has no reply code'],
  ['25\r\n', 'a line has no reply code'],
  ['2x0 a\r\n', 'a line has no reply code'],
  ['199 a\r\n', 'a line has no reply code'],
  ['600 a\r\n', 'a line has no reply code'],
  ['000 a\r\n', 'a line has no reply code'],
  ['999 a\r\n', 'a line has no reply code'],
  [' 250 a\r\n', 'a line has no reply code'],
  ['2500 a\r\n', 'a line has no separator behind its code'],
  ['250:a\r\n', 'a line has no separator behind its code'],
  ['250 a\0b\r\n', 'a line contains NUL'],
  ['250-a\r\n251 b\r\n', 'the codes differ'],
  [`250 ${'a'.repeat(MAX_REPLY_LINE)}\r\n`, 'a line is too long'],
  ['a'.repeat(MAX_REPLY_LINE + 1), 'a line is too long'],
  ['250-a\r\n'.repeat(MAX_REPLY_LINES + 1), 'the reply has too many lines'],
  [
    `250-${'a'.repeat(1000)}\r\n`.repeat(Math.ceil(MAX_REPLY_OCTETS / 1000)),
    'the reply is too long',
  ],
]

describe('delivery: reply parser', () => {
  for (const { octets, parsed, pending = false } of GOOD) {
    it(`reads ${JSON.stringify(octets)}`, () => {
      const single = Array.from(Buffer.from(octets), (octet) => Buffer.of(octet))
      for (const parser of [fed(octets), fed(...single)]) {
        assert.deepEqual(parser.next(), parsed)
        assert.equal(parser.pending, pending)
      }
    })
  }

  for (const [octets, why] of BAD) {
    it(`refuses ${JSON.stringify(octets.slice(0, 24))} (${octets.length}), for good`, () => {
      const parser = fed(octets)
      assert.deepEqual(parser.next(), { kind: 'garbage', why })
      parser.push(Buffer.from('250 Ok\r\n'))
      assert.deepEqual(parser.next(), { kind: 'garbage', why })
    })
  }

  it('takes as much as the limits allow', () => {
    const longest = `250 ${'a'.repeat(MAX_REPLY_LINE - 4)}\n`
    assert.equal(fed(longest).next().kind, 'reply')
    const most = '250-a\r\n'.repeat(MAX_REPLY_LINES - 1) + '250 a\r\n'
    assert.equal(fed(most).next().kind, 'reply')
  })

  it('writes a reply as one line', () => {
    assert.equal(replyLine({ code: 550, enhanced: '5.7.1', text: 'No' }), '550 5.7.1 No')
    assert.equal(replyLine({ code: 250, text: '' }), '250')
  })

  it('keeps the second reply for the second question', () => {
    const parser = fed('220 a\r\n250-b\r\n250 ', 'c\r\n')
    assert.deepEqual([parser.next(), parser.next()].map(textOf), ['a', 'b c'])
    assert.equal(parser.pending, false)
  })

  it('takes octets one by one in linear time', () => {
    const time = (replies: number): bigint => {
      const octets = Buffer.from(`250-${'a'.repeat(500)}\r\n250 b\r\n`.repeat(replies))
      const parser = new ReplyParser()
      const start = process.hrtime.bigint()
      for (let at = 0; at < octets.length; at++) {
        parser.push(octets.subarray(at, at + 1))
        parser.next()
      }
      return process.hrtime.bigint() - start
    }
    const best = (replies: number): bigint =>
      [time(replies), time(replies), time(replies)].reduce((a, b) => (a < b ? a : b))
    const [small, large] = [best(100), best(1600)]
    // Sixteen times the octets: quadratic time would be 256 times as long.
    assert(large < small * 100n, `${small} ns for 100 replies, ${large} ns for 1600`)
  })

  it('gives the same however the octets are split', () => {
    const dice = Dice.thrown('replies')
    const kinds = new Set<string>()
    for (let round = 0; round < 10_000; round++) {
      const octets = Buffer.from(dice.list(6, () => piece(dice)).join(''), 'latin1')
      const whole = readAll([octets])
      assert.deepEqual(readAll(split(octets, dice)), whole, JSON.stringify(octets.toString()))
      for (const { kind } of whole.parsed) kinds.add(kind)
    }
    assert.deepEqual([...kinds].sort(), ['garbage', 'more', 'reply'])
  })
})

describe('delivery: capabilities', () => {
  const NONE = {
    starttls: false,
    eightBitMime: false,
    smtputf8: false,
    pipelining: false,
    chunking: false,
  }
  const ROWS: readonly (readonly [readonly string[], object])[] = [
    [['mx.example'], NONE],
    [['STARTTLS greets you'], NONE],
    [
      ['mx', 'STARTTLS', 'SIZE 1000', '8BITMIME'],
      { starttls: true, size: 1000, eightBitMime: true },
    ],
    [
      ['mx', 'starttls', 'Pipelining', 'chunking', 'smtputf8'],
      {
        starttls: true,
        pipelining: true,
        chunking: true,
        smtputf8: true,
      },
    ],
    [['mx', 'SIZE'], { size: 0 }],
    [['mx', 'SIZE 0'], { size: 0 }],
    [['mx', 'SIZE many'], { size: 0 }],
    [['mx', 'SIZE -1'], { size: 0 }],
    [['mx', 'XSTARTTLS', 'STARTTLSX', 'AUTH PLAIN', ''], NONE],
  ]
  for (const [lines, capabilities] of ROWS) {
    it(JSON.stringify(lines), () => {
      assert.deepEqual(capabilitiesOf(lines), { ...NONE, ...capabilities })
    })
  }
})

function reply(
  octets: string,
  reply: Extract<Parsed, { kind: 'reply' }>['reply'],
  lines: readonly string[] = [reply.text],
): Row {
  return { octets, parsed: { kind: 'reply', reply, lines } }
}

function fed(...pieces: (Buffer | string)[]): ReplyParser {
  const parser = new ReplyParser()
  for (const piece of pieces) parser.push(Buffer.from(piece))
  return parser
}

function textOf(parsed: Parsed): string {
  return parsed.kind === 'reply' ? parsed.reply.text : parsed.kind
}

/** All that octets amount to, asked after each piece. */
function readAll(pieces: readonly Buffer[]): { parsed: Parsed[]; pending: boolean } {
  const parser = new ReplyParser()
  const parsed: Parsed[] = []
  let last: Parsed = { kind: 'more' }
  for (const piece of pieces) {
    parser.push(piece)
    for (last = parser.next(); last.kind === 'reply'; last = parser.next()) parsed.push(last)
  }
  return { parsed: [...parsed, last], pending: last.kind === 'more' && parser.pending }
}

/** A good line mostly, else some octets that matter to the parser, seldom a very long line. */
function piece(dice: Dice): string {
  if (dice.below(50) === 0) return 'x'.repeat(dice.below(3000))
  if (dice.below(3) === 0) return dice.list(12, () => dice.pick(OCTETS)).join('')
  return `${dice.pick(['250', '550'])}${dice.pick([' ', '-'])}2.0.0 text\r\n`
}

const OCTETS = ['2', '5', '0', '-', ' ', '\r', '\n', '\0', 'a', '.', '\xff', '250 ', '\r\n']

function split(octets: Buffer, dice: Dice): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < octets.length;) {
    const length = 1 + dice.below(dice.pick([3, 40]))
    pieces.push(octets.subarray(at, at + length))
    at += length
  }
  return pieces
}
