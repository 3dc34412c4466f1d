import assert from 'node:assert/strict'
import { DotStuffer } from '../plugins/tdc/journal/dot-stuffer'
import { filter, readData, splitAtRandom, stuff } from './support/journal'
import { Dice } from './support/dice'

const END_OF_DATA = Buffer.from('.\r\n')

describe('journal: dot stuffing', () => {
  const rows: [string, string][] = [
    ['', ''],
    ['.\r\n', '..\r\n'],
    ['..\r\n', '...\r\n'],
    ['.x\r\n', '..x\r\n'],
    ['a.\r\n', 'a.\r\n'],
    ['a\r\n.\r\nb\r\n', 'a\r\n..\r\nb\r\n'],
    ['\r\n.\r\n.\r\n', '\r\n..\r\n..\r\n'],
    ['a', 'a\r\n'],
    ['.', '..\r\n'],
  ]
  for (const [content, wire] of rows) {
    it(`${JSON.stringify(content)} goes out as ${JSON.stringify(wire)}`, () => {
      const bytes = Buffer.from(content)
      assert.equal(stuff([bytes]).toString(), wire)
      assert.equal(stuff([...bytes].map((octet) => Buffer.of(octet))).toString(), wire)
    })
  }

  it('returns a chunk without dots at line beginnings uncopied', () => {
    const stuffer = new DotStuffer()
    for (const text of ['a.b\r\n', 'c.\r', '\n', 'x.', '.y', '\r\n']) {
      const chunk = Buffer.from(text)
      assert.equal(stuffer.push(chunk), chunk)
    }
    assert.equal(stuffer.end().length, 0)
  })
})

describe('journal: nothing gets out of DATA', () => {
  const SMUGGLED = [
    '\n.\n',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r',
    '\r\n.\r',
    '\r\n\0.\r\n',
    '\r\r\n.\r\r\n',
  ]

  function check(original: Buffer, chunks: readonly Buffer[]): void {
    const content = filter(chunks).bytes
    const wire = Buffer.concat([stuff(splitAtRandom(content, new Dice(7))), END_OF_DATA])
    assert.doesNotMatch(wire.toString('latin1'), /\r(?!\n)|(?<!\r)\n/, 'bare CR or LF')
    const { message, rest } = readData(wire)
    assert.equal(rest.length, 0, 'something after the end of data')
    const finished = content.length === 0 || content.toString('latin1').endsWith('\r\n')
    const expected = finished ? content : Buffer.concat([content, Buffer.from('\r\n')])
    assert.ok(message.equals(expected), JSON.stringify(original.toString('latin1')))
  }

  for (const ending of SMUGGLED) {
    it(`${JSON.stringify(ending)} with a transaction behind it`, () => {
      const original = Buffer.from(`A: 1\r\n\r\nx${ending}MAIL FROM:<>\r\nDATA\r\n`)
      check(original, [original])
      check(
        original,
        [...original].map((octet) => Buffer.of(octet)),
      )
    })
  }

  it('any bytes', () => {
    const dice = Dice.thrown('wire')
    const pieces = ['\r\n', '\r', '\n', '.', '..', '\r\n.\r\n', '\0', 'a', '\x8e', 'A: b\r\n']
    for (let round = 0; round < 4000; round++) {
      const text = dice.list(60, () => dice.pick(pieces)).join('')
      const original = Buffer.from(text, 'latin1')
      check(original, splitAtRandom(original, dice))
    }
  })
})
