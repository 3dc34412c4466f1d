import assert from 'node:assert/strict'
import { ReplyParser } from '../../plugins/tdc/smtp/reply'
import { journalRemovals } from '../../plugins/tdc/journal/journal-report'
import { QUEUE_DOMAIN } from '../../plugins/tdc/base/names'
import { LONGEST_HEAD, parseHead } from '../../plugins/tdc/queue/queue-file'
import type { Dice } from '../support/dice'
import {
  factsWith,
  filter,
  journal,
  OPTIONS,
  readData,
  splitAtRandom,
  splitReport,
  stuff,
} from '../support/journal'
import { checkSettings, randomSettings } from '../support/random-settings'

/** What arbitrary octets are given to; whatever they are, what it asserts must hold. */
export interface FuzzTarget {
  readonly name: string
  make(dice: Dice): Buffer
  /** What `check` comes to: each of them must occur, or the octets are not arbitrary enough. */
  readonly outcomes: readonly string[]
  /** `dice` for what is not in the octets, such as where they are split. */
  check(octets: Buffer, dice: Dice): string
}

const REPLY_PIECES = ['2', '5', '0', '-', ' ', '\r', '\n', '\0', '.', '\xff', '250 ', '250-x\r\n']
const MAIL_PIECES = [
  ...[
    '\r\n',
    '\r',
    '\n',
    '\0',
    '.',
    '\r\n.\r\n',
    '\n.\n',
    '\r\n\r\n',
    ' ',
    '\t',
    ':',
    '--',
    '\xff',
  ],
  ...['X-IronPort-RemoteIP: 6.6.6.6\r\n', 'Subject: =?utf-8?B?DQo=?=\r\n', 'a'.repeat(998), 'b'],
  ...['Content-Type: multipart/mixed; boundary=x\r\n', '\x1b[2J', '\u0085', '--_tdc.'],
]

const replies: FuzzTarget = {
  name: 'reply',
  outcomes: ['more', 'garbage'],
  make: (dice) => pieces(dice, REPLY_PIECES, 60),
  check(octets, dice) {
    const whole = repliesIn([octets])
    assert.deepEqual(
      repliesIn(splitAtRandom(octets, dice)),
      whole,
      'split otherwise, read otherwise',
    )
    for (const text of whole) assert.doesNotMatch(text, /[\r\n]/, 'a reply of more than one line')
    return whole.at(-1) ?? ''
  },
}

function repliesIn(chunks: readonly Buffer[]): string[] {
  const parser = new ReplyParser()
  const found: string[] = []
  for (const chunk of chunks) {
    parser.push(chunk)
    for (let parsed = parser.next(); parsed.kind === 'reply'; parsed = parser.next()) {
      found.push(`${parsed.reply.code} ${parsed.lines.map((line) => JSON.stringify(line)).join()}`)
    }
  }
  return [...found, parser.next().kind]
}

/** The message is in the report byte for byte, and the report in the wire form. */
const journals: FuzzTarget = {
  name: 'journal',
  outcomes: ['written'],
  make: (dice) => (dice.below(4) === 0 ? dice.octets(400) : pieces(dice, MAIL_PIECES, 40)),
  check(octets, dice) {
    const text = octets.toString('latin1')
    const value = () => text.slice(dice.below(text.length + 1)).slice(0, 300)
    const facts = factsWith({
      subject: value(),
      messageId: value(),
      reversePath: value(),
      recipients: [value(), 'bob@example.com', value()],
    })
    const report = journal(octets, facts)
    const { header, parts } = splitReport(report)
    assert.doesNotMatch(header, /[\r\n][\r\n]{2}|[^\r]\n|\r[^\n]/, 'the header ends too early')
    const remove = journalRemovals(OPTIONS.remoteIpHeader)
    const original = filter([octets], { remove }).bytes
    const attached = parts[1]?.body ?? Buffer.alloc(0)
    assert.ok(attached.includes(original), 'the original is not in its attachment')
    const wire = stuff(splitAtRandom(report, dice))
    const { message, rest } = readData(Buffer.concat([wire, Buffer.from('.\r\n')]))
    assert.ok(message.equals(report), 'the wire carries another message')
    assert.equal(rest.length, 0, 'the message ends before its end')
    return 'written'
  },
}

const HEAD = {
  domain: QUEUE_DOMAIN,
  mail_from: { original: '<>' },
  rcpt_to: [{ original: '<intake@scan.example>' }],
  uuid: 'A.1.tdc1',
  notes: {
    tdc: {
      v: 1,
      intake: 'intake@scan.example',
      reversePath: '',
      messageId: '<1@sender.example>',
      size: 3,
      octets: 3,
      eightBit: false,
      smtputf8: false,
    },
  },
}

/** A good queue file, changed in a few places, or anything. */
const queueFiles: FuzzTarget = {
  name: 'queue-file',
  outcomes: ['taken', 'set aside'],
  make(dice) {
    if (dice.below(5) === 0) return dice.octets(300)
    const json = Buffer.from(JSON.stringify(HEAD))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(json.length)
    const file = Buffer.concat([length, json, Buffer.from('x\r\n')])
    for (const at of dice.list(4, () => dice.below(file.length))) file[at] = dice.below(256)
    return dice.below(4) === 0 ? file.subarray(0, dice.below(file.length)) : file
  },
  check(octets) {
    const head = parseHead(octets.length, octets.subarray(0, LONGEST_HEAD))
    if (typeof head === 'string') {
      assert.match(head, /^[^\n]{1,200}$/, 'no clean sentence')
      return 'set aside'
    }
    const { intake, reversePath } = head.notes
    assert.doesNotMatch(intake + reversePath + head.mid, /[\r\n<>]/, 'ends a command line')
    assert.ok(head.start <= octets.length, 'the message begins behind the end')
    return 'taken'
  },
}

const settings: FuzzTarget = {
  name: 'settings',
  outcomes: ['settings', 'refused'],
  // What the settings hold is made of these octets.
  make: (dice) => dice.octets(16),
  check(octets) {
    let at = 0
    let state = octets.reduce((sum, octet) => (Math.imul(sum, 31) + octet) | 0, 7)
    const below = (limit: number) => {
      state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + (octets[at++ % 16] ?? 0) + 1) | 0
      return (state >>> 0) % limit
    }
    return checkSettings(randomSettings(below))
  },
}

export const FUZZ_TARGETS: readonly FuzzTarget[] = [replies, journals, queueFiles, settings]

function pieces(dice: Dice, from: readonly string[], most: number): Buffer {
  return Buffer.from(dice.list(most, () => dice.pick(from)).join(''), 'latin1')
}
