import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { newBoundary } from '../plugins/tdc/journal/boundary'
import type { BareCr } from '../plugins/tdc/journal/line-ends'
import { OriginalFilter } from '../plugins/tdc/journal/original-filter'
import { BOUNDARY, filter, splitAtRandom } from './support/journal'
import { Dice } from './support/dice'

const REMOVE = ['X-IronPort-RemoteIP', 'X-Iron']

const LINE_ENDS = {
  crlf: (text: string) => text.replace(/\r\n|\r|\n/g, '\r\n'),
  as_postfix: (text: string) =>
    text
      .replace(/\r*\n|\r+$/g, '\n')
      .replace(/\r/g, ' ')
      .replace(/\n/g, '\r\n'),
}

/** The same, said a second time without any care for speed. */
function expected(original: Buffer, remove: readonly string[], bareCr: BareCr): string {
  const text = LINE_ENDS[bareCr](original.toString('latin1'))
  const special = '()<>\\[\\];@\\\\,."'
  const removed = new RegExp(
    `^(?:[^!-~]|[:${special}])*(?:${remove.join('|')})[${special}]*(?:[^!-9;-~]|$)`,
    'i',
  )
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? []
  const fields: string[] = []
  while (lines[0] !== undefined && lines[0] !== '\r\n') {
    let field = lines.shift() as string
    while (/^[ \t]/.test(lines[0] ?? '')) field += lines.shift()
    fields.push(field)
  }
  return fields.filter((field) => !removed.test(field)).join('') + lines.join('')
}

function filtered(text: string, remove: readonly string[] = REMOVE): string {
  return filter([Buffer.from(text, 'latin1')], { remove, bareCr: 'crlf' }).bytes.toString('latin1')
}

describe('journal: header fields taken out of the original', () => {
  const rows: [string, string, string][] = [
    ['one', 'A: 1\r\nX-IronPort-RemoteIP: 6.6.6.6\r\nB: 2\r\n\r\nx', 'A: 1\r\nB: 2\r\n\r\nx'],
    ['first', 'X-IronPort-RemoteIP: 6\r\nB: 2\r\n\r\nx', 'B: 2\r\n\r\nx'],
    ['last', 'A: 1\r\nX-IronPort-RemoteIP: 6\r\n\r\nx', 'A: 1\r\n\r\nx'],
    ['only', 'X-IronPort-RemoteIP: 6\r\n\r\nx', '\r\nx'],
    ['three', 'x-ironport-remoteip:1\r\nX-IRONPORT-REMOTEIP :2\r\nX-Iron\t :3\r\n\r\n', '\r\n'],
    ['folded', 'X-IronPort-RemoteIP:\r\n 6\r\n\t7\r\nB: 2\r\n\r\n', 'B: 2\r\n\r\n'],
    ['colon after a fold', 'X-IronPort-RemoteIP\r\n : 6\r\nB: 2\r\n\r\n', 'B: 2\r\n\r\n'],
    ['blank folded line', 'A: 1\r\n \r\nX-Iron: 6\r\n\r\n', 'A: 1\r\n \r\n\r\n'],
    ['behind a line that is no field', 'A\r\nX-Iron: 6\r\n\r\n', 'A\r\n\r\n'],
    [
      'LF and CR as line ends',
      'A: 1\nX-Iron: 6\rB: 2\n\nX-Iron: 7',
      'A: 1\r\nB: 2\r\n\r\nX-Iron: 7',
    ],
    ['hidden behind a bare CR', 'A: 1\rX-Iron: 6\r\n\r\n', 'A: 1\r\n\r\n'],
    ['no empty line', 'A: 1\r\nX-Iron: 6', 'A: 1\r\n'],
    ['nothing but the field', 'X-Iron: 6', ''],
    ['without a colon', 'A: 1\r\nX-Iron\r\nB: 2\r\n\r\n', 'A: 1\r\nB: 2\r\n\r\n'],
    ['cut off behind the name', 'A: 1\r\nX-Iron', 'A: 1\r\n'],
    ['cut off behind the line', 'A: 1\r\nX-Iron\r\n', 'A: 1\r\n'],
    ['with blanks and more behind the name', 'X-Iron is\r\nB: 2\r\n\r\n', 'B: 2\r\n\r\n'],
    ['behind a line of a control octet', '\x0b\r\n X-Iron: 6\r\nB: 2\r\n\r\n', 'B: 2\r\n\r\n'],
    ['behind an empty name', ':\r\n X-Iron: 6\r\nB: 2\r\n\r\n', 'B: 2\r\n\r\n'],
  ]
  for (const [name, original, result] of rows) {
    it(`${name}`, () => assert.equal(filtered(original), result))
  }

  const kept: [string, string][] = [
    ['in the body', 'A: 1\r\n\r\nX-IronPort-RemoteIP: 6\r\n'],
    ['in a message without a header', '\r\nX-IronPort-RemoteIP: 6\r\n'],
    ['in a nested message', 'Content-Type: message/rfc822\r\n\r\nX-Iron: 6\r\n\r\nx'],
    ['of a longer name', 'X-IronPort-RemoteIP2: 6\r\nX-Ironic: 1\r\n\r\n'],
    ['of a shorter name', 'X-IronPort: 6\r\n\r\n'],
    ['folded into another field', 'A: 1\r\n X-IronPort-RemoteIP: 6\r\n\r\n'],
    ['cut off in the name', 'X-IronPort-Rem'],
  ]
  for (const [name, original] of kept) {
    it(`keeps one ${name}`, () => assert.equal(filtered(original), original))
  }

  it('takes out none without names, and says when the first line is a folded one', () => {
    assert.equal(filtered('X-Iron: 6\r\n\r\n', []), 'X-Iron: 6\r\n\r\n')
    const folded = filter([Buffer.from(' 6.6.6.6\r\nA: 1\r\n\r\n')], { remove: REMOVE })
    assert.equal(folded.bytes.toString(), ' 6.6.6.6\r\nA: 1\r\n\r\n')
    assert.equal(folded.traits.leadingFold, true)
    assert.equal(filter([Buffer.from('A: 1\r\n b\r\n\r\n')]).traits.leadingFold, false)
    const behindRemoved = filter([Buffer.from('X-Iron: 1\r\n 6.6.6.6\r\n\r\n')], { remove: REMOVE })
    assert.equal(behindRemoved.bytes.toString(), '\r\n')
    assert.equal(behindRemoved.traits.leadingFold, false)
  })

  it('one beside any octet that is in no name, or that a reader takes for none', () => {
    const behind = [...Array(256).keys()].filter((octet) => octet <= 32 || octet >= 127)
    const before = [...behind, ...Buffer.from('()<>[]:;@\\,."')]
    const fields = [
      ...before.map((octet) => `${String.fromCharCode(octet)}X-Iron: 6\r\n`),
      ...[...before].map((octet) => `X-Iron${String.fromCharCode(octet)}: 6\r\n`),
      ...behind.map((octet) => `X-Iron${String.fromCharCode(octet)}6\r\n`),
    ]
    const lines = fields.filter((field) => !/^[ \t]|[\r\n](?!\n?$)/.test(field))
    assert.ok(lines.length > 3 * 160)
    for (const field of lines) {
      assert.equal(filtered(`A: 1\r\n${field}B: 2\r\n\r\n`), 'A: 1\r\nB: 2\r\n\r\n', field)
    }
  })

  it('says when the first line that is left could continue what stands above it', () => {
    const firstLines: [string, boolean][] = [
      ['A: 1', false],
      ['A : 1', false],
      ['A:', false],
      ['', false],
      [' : 1', true],
      ['\x0bA: 1', true],
      ['\x0c', true],
      ['no colon', true],
      ['From alice Mon Jan 1 00:00:00', false],
      [':', true],
      ['A\x00: 1', false],
      ['\xa0A: 1', true],
    ]
    for (const [line, leadingFold] of firstLines) {
      const others = line.startsWith(' ') ? [] : ['X-Iron: 6\r\n', 'X-Iron: 6\r\n 7\r\n']
      for (const removed of ['', ...others]) {
        const original = Buffer.from(`${removed}${line}\r\nB: 2\r\n\r\n`, 'latin1')
        const octets = [...original].map((octet) => Buffer.of(octet))
        for (const chunks of [[original], octets]) {
          const { bytes, traits } = filter(chunks, { remove: REMOVE })
          assert.equal(bytes.toString('latin1'), `${line}\r\nB: 2\r\n\r\n`)
          assert.equal(traits.leadingFold, leadingFold, line)
        }
      }
    }
  })

  it('one behind more noise than is held back, which then is a line of its own', () => {
    for (const noise of [997, 998, 999, 2000, 5000]) {
      for (const octet of ['\0', '\xff', '>']) {
        const line = octet.repeat(noise)
        const original = Buffer.from(`A: 1\r\n${line}X-Iron: 6\r\n 7\r\nB: 2\r\n\r\n`, 'latin1')
        const left = filtered(original.toString('latin1'))
        assert.match(left, /^A: 1\r\n(?:[\0\xff>]{998,}\r\n)?B: 2\r\n\r\n$/)
        const octets = [...original].map((one) => Buffer.of(one))
        assert.equal(filter(octets, { remove: REMOVE }).bytes.toString('latin1'), left)
        assert.equal(filtered(`A: 1\r\n${line}\r\nB: 2\r\n`), `A: 1\r\n${line}\r\nB: 2\r\n`)
      }
    }
  })

  it('holds back little: 1 MB of a kept line, of a removed one, of noise', () => {
    const original = new OriginalFilter({ remove: REMOVE, boundary: undefined, bareCr: 'crlf' })
    const piece = Buffer.from('y'.repeat(1000))
    const noise = Buffer.from('\0'.repeat(1000))
    assert.equal(original.push(Buffer.from('A: ')).length, 3)
    for (let i = 0; i < 1000; i++) assert.equal(original.push(piece), piece)
    let size = original.push(Buffer.from('\r\nX-Iron: ')).length
    for (let i = 0; i < 1000; i++) size += original.push(piece).length
    assert.equal(size, 2)
    original.push(Buffer.from('\r\n'))
    let passed = 0
    for (let i = 1; i <= 1000; i++) {
      passed += original.push(noise).length
      assert.ok(passed >= i * 1000 - 1000)
    }
    original.push(Buffer.from('X-Iron: 6.6.6.6\r\n\r\nbody'))
    assert.equal(original.end().length, 0)
    assert.equal(original.traits.size, 3 + 1_000_000 + 2 + (passed + 2) + 6)
  })
})

describe('journal: line ends and traits of the original', () => {
  // Original, with bare_cr=as_postfix, with crlf where that is another.
  const rows: [string, string, string?][] = [
    ['a\r\nb\r\n', 'a\r\nb\r\n'],
    ['a\nb\n', 'a\r\nb\r\n'],
    ['a\rb\r', 'a b\r\n', 'a\r\nb\r\n'],
    ['a\r\r\rb', 'a   b', 'a\r\n\r\n\r\nb'],
    ['\n.\n', '\r\n.\r\n'],
    ['\r.\r', ' .\r\n', '\r\n.\r\n'],
    ['\n.\r\n', '\r\n.\r\n'],
    ['\r\r\n', '\r\n', '\r\n\r\n'],
    ['a\r\r\r\nb', 'a\r\nb', 'a\r\n\r\n\r\nb'],
    ['\r\n\r', '\r\n\r\n'],
    ['\r\r', '\r\n', '\r\n\r\n'],
    ['\n\r', '\r\n\r\n'],
    ['\n\r\n', '\r\n\r\n'],
    ['a\0b\r\n', 'a\0b\r\n'],
    ['\r\n\0.\r\n', '\r\n\0.\r\n'],
  ]
  for (const [original, asPostfix, crlf = asPostfix] of rows) {
    it(`${JSON.stringify(original)} becomes ${JSON.stringify(asPostfix)}, ${JSON.stringify(crlf)}`, () => {
      const results = [
        ['as_postfix', asPostfix],
        ['crlf', crlf],
      ] as const
      // Behind padding of every length, so that every place in a word is met.
      for (let padding = 0; padding < 80; padding++) {
        const before = 'x'.repeat(padding)
        const octets = Buffer.from(before + original)
        for (const [bareCr, result] of results) {
          for (const chunks of [[octets], [...octets].map((octet) => Buffer.of(octet))]) {
            const { bytes, traits } = filter(chunks, { bareCr })
            assert.equal(bytes.toString(), before + result)
            assert.equal(traits.normalized, original !== result)
            assert.equal(traits.size, bytes.length)
          }
        }
      }
    })
  }

  it('notes one octet above 127 wherever it stands', () => {
    for (let at = 0; at < 300; at++) {
      const original = Buffer.from('x'.repeat(300))
      assert.equal(filter([original.subarray(at)]).traits.eightBit, false)
      original[at] = 128
      assert.equal(filter([original]).traits.eightBit, true)
      assert.equal(filter([original.subarray(at, at + 1)]).traits.eightBit, true)
    }
  })

  it('passes unchanged chunks on uncopied, all 256 values and long lines included', () => {
    const values = [...Array(256).keys()].filter((value) => value !== 10 && value !== 13)
    const chunks = [
      Buffer.from('A: 1\r\nB: 2\r\n'),
      Buffer.from('C: 3\r\n\r\n'),
      Buffer.from(values),
      ...[998, 999, 2000, 100_000].map((length) => Buffer.from('z'.repeat(length) + '\t \r\n')),
      Buffer.from('From x\r\n\r\n\r\n'),
    ]
    const original = new OriginalFilter({ remove: REMOVE, boundary: BOUNDARY, bareCr: 'crlf' })
    for (const chunk of chunks) assert.equal(original.push(chunk), chunk)
    assert.equal(original.end().length, 0)
    assert.equal(original.traits.normalized, false)
  })

  it('takes an empty original and empty chunks', () => {
    assert.equal(filter([]).bytes.length, 0)
    assert.equal(filter([Buffer.alloc(0), Buffer.from('\r'), Buffer.alloc(0)]).bytes.length, 2)
  })
})

describe('journal: boundary', () => {
  it('is 128 random bits in letters that every reader takes', () => {
    const asked: number[] = []
    const boundary = newBoundary((bytes) => {
      asked.push(bytes)
      return Buffer.from('4f1d0c2e9a7b4c3d8e5f60718293a4b5', 'hex')
    })
    assert.equal(boundary, BOUNDARY)
    assert.deepEqual(asked, [16])
    assert.match(newBoundary(randomBytes), /^_tdc\.[0-9a-f]{32}_$/)
  })

  const places: [string, string][] = [
    ['in a header', `A: ${BOUNDARY}\r\n\r\n`],
    ['in a header that is taken out', `X-Iron: ${BOUNDARY}\r\n\r\n`],
    ['as a delimiter', `A: 1\r\n\r\n--${BOUNDARY}\r\n`],
    ['in the middle of a line', `A: 1\r\n\r\nx${BOUNDARY}x\r\n`],
    ['in base64', `A: 1\r\n\r\n${'QUJD'.repeat(10)}${BOUNDARY}`],
    ['after its own beginning', `_tdc.${BOUNDARY}`],
  ]
  for (const [name, original] of places) {
    it(`is found ${name}, whatever the chunks`, () => {
      const bytes = Buffer.from(original)
      const options = { remove: REMOVE, boundary: BOUNDARY }
      for (let size = 1; size <= bytes.length; size++) {
        const chunks = []
        for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
        assert.equal(filter(chunks, options).traits.collided, true, `chunks of ${size}`)
      }
    })
  }

  it('is not found in what only resembles it', () => {
    const near = [BOUNDARY.slice(1), BOUNDARY.slice(0, -1), BOUNDARY.toUpperCase(), '']
    for (const text of near) {
      const { traits } = filter([Buffer.from(text), Buffer.from('x')], { boundary: BOUNDARY })
      assert.equal(traits.collided, false)
    }
    assert.equal(filter([Buffer.from(BOUNDARY)]).traits.collided, false)
  })
})

describe('journal: any original, in any chunks', () => {
  const PIECES = '\r\n|\r\n|\r|\n| |\t|:|a|A: b|\0|.|>|\x0b|\xff'.split('|')
  const NAMES = ['X-IronPort-RemoteIP', 'x-iron', 'X-IRONPORT', 'X-Iron: 6.6.6.6', '\r\n\r\n']

  it('gives the bytes of the plain rule', function () {
    const dice = Dice.thrown('originals')
    for (let round = 0; round < 6000; round++) {
      const text = dice.list(40, () => dice.pick(dice.below(3) > 0 ? PIECES : NAMES)).join('')
      const original = Buffer.from(text, 'latin1')
      const bareCr = dice.pick(['as_postfix', 'crlf'] as const)
      const { bytes, traits } = filter(splitAtRandom(original, dice), { remove: REMOVE, bareCr })
      const result = expected(original, REMOVE, bareCr)
      assert.equal(bytes.toString('latin1'), result, JSON.stringify(text))
      assert.equal(traits.eightBit, /[\x80-\xff]/.test(text))
      assert.equal(traits.normalized, /\r(?!\n)|(?<!\r)\n/.test(text))
      assert.equal(traits.leadingFold, !/^(?:[!-9;-~][^\r]*:|\r\n|$)/.test(result))
      assert.equal(traits.size, result.length)
    }
  })
})
