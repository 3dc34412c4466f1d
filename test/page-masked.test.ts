import assert from 'node:assert/strict'
import { masked } from '../plugins/tdc/monitor/masked'
import { Dice } from './support/dice'

const ROWS: readonly (readonly [text: string, shown: string])[] = [
  ['bob@example.com', '***@example.com'],
  ['for <bob+tag@example.com>, <a.b@c.example>', 'for <***@example.com>, <***@c.example>'],
  ['"bob the builder"@example.com', '***@example.com'],
  ['"a \\" b"@example.com', '***@example.com'],
  ["('550', ['no bob@example.com here'])", "('550', ['no ***@example.com here'])"],
  ["O'Brien=x{y}@example.com;", '***@example.com;'],
  ['Jörg@bücher.example', '***@bücher.example'],
  ['bob@[192.0.2.1]', '***@[192.0.2.1]'],
  ['a@b@example.com', '***@example.com'],
  ['no address @ all', 'no address @ all'],
  ['', ''],
]

describe('a text in which addresses are not shown', () => {
  for (const [text, shown] of ROWS) {
    it(`${text} becomes ${shown}`, () => assert.equal(masked(text), shown))
  }

  it('keeps no local part, whatever surrounds it', () => {
    const dice = Dice.thrown('texts')
    const around = [' ', '<', '>', '"', "'", ',', ';', '(', ')', '[', ']', '=', '\\', 'x', '@', '.']
    for (let round = 0; round < 20_000; round++) {
      const noise = () => dice.list(6, () => dice.pick(around)).join('')
      const text = `${noise()} secret@example.com ${noise()}`
      assert.ok(!masked(text).includes('secret@'), text)
    }
  })

  it('is made in time that grows with its length only', () => {
    const start = process.hrtime.bigint()
    for (const piece of ['a', '"', '"a', 'a@', '@', 'a.', '\\"']) masked(piece.repeat(20_000))
    assert.ok(process.hrtime.bigint() - start < 5_000_000_000n)
  })
})
