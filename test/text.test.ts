import assert from 'node:assert/strict'
import { bounded, isSafe, safeText, withoutBrackets } from '../plugins/tdc/base/text'
import { Dice } from './support/dice'
import { memoryOf } from './support/heap'

const MB = 1024 * 1024

describe('text from outside', () => {
  const cuts: [text: string, octets: number, left: string][] = [
    ['plain', 5, 'plain'],
    ['plain', 4, 'plai'],
    ['aüb', 2, 'a'],
    ['aüb', 3, 'aü'],
    ['漢字', 5, '漢'],
    ['\u{1f4a9}', 3, ''],
    ['\u{1f4a9}', 4, '\u{1f4a9}'],
    ['', 4, ''],
    ['x'.repeat(200_000), 100_000, 'x'.repeat(100_000)],
  ]
  for (const [text, octets, left] of cuts) {
    it(`${JSON.stringify(text.slice(0, 12))} cut at ${octets} octets`, () => {
      assert.equal(bounded(text, octets), left)
    })
  }

  it('is as many octets as asked for at the most, and the beginning of what was there', () => {
    const dice = Dice.thrown('bounded text')
    for (let i = 0; i < 2000; i++) {
      const text = dice.octets(60).toString('utf8')
      const octets = dice.below(50)
      const left = bounded(text, octets)
      assert.ok(Buffer.byteLength(left) <= octets)
      assert.ok(text.startsWith(left), JSON.stringify([text, octets]))
      assert.ok(Buffer.byteLength(text) <= octets || Buffer.byteLength(left) > octets - 4)
    }
  })

  it('stands in one line and does nothing there', () => {
    const dice = Dice.thrown('safe text')
    for (let i = 0; i < 2000; i++) {
      const text = dice.octets(600).toString(i % 2 ? 'utf8' : 'utf16le')
      const safe = safeText(text)
      assert.ok(isSafe(safe) && Buffer.byteLength(safe) <= 256, JSON.stringify(text))
    }
  })

  it('keeps nothing of the long text that it was cut out of', () => {
    const piecesOf = (cut: (text: string) => string) =>
      memoryOf(() => Array.from({ length: 30 }, (_, at) => cut(`${at}`.padEnd(MB, 'long'))))
    const own = piecesOf((text) => bounded(text, 100))
    assert.equal(own.kept[3]?.length, 100)
    assert.ok(own.octets < MB, `${own.octets} octets`)
    const safe = piecesOf((text) => safeText(text))
    assert.equal(safe.kept[3]?.length, 256)
    assert.ok(safe.octets < MB, `${safe.octets} octets`)
    const short = piecesOf((text) => safeText(text.slice(0, 100)))
    assert.equal(short.kept[3]?.length, 100)
    assert.ok(short.octets < MB, `${short.octets} octets`)
    const pointing = piecesOf((text) => text.slice(0, 100))
    assert.equal(pointing.kept[3]?.length, 100)
    assert.ok(pointing.octets > 25 * MB, `a piece that points (control): ${pointing.octets} octets`)
  })

  it('of an address is shown without its brackets', () => {
    assert.equal(withoutBrackets('<a@b.example>'), 'a@b.example')
    assert.equal(withoutBrackets('<a'), '<a')
  })
})
