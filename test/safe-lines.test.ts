import assert from 'node:assert/strict'
import { linesOf, trackText } from '../plugins/tdc/monitor/lines'
import { safeText } from '../plugins/tdc/base/text'
import { Dice } from './support/dice'
import { eventsWith } from './support/events'

const SERVICE = 'Cisco Secure Email Threat Defense'
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

describe('values from outside in log lines', () => {
  const table: [string, string, string][] = [
    ['plain text', '<a@b.example>', '<a@b.example>'],
    ['line ends', 'a\r\nTDC: MID 1 forged', 'a  TDC: MID 1 forged'],
    ['terminal escapes', 'a\u001b[2Jb\u009b1mc', 'a [2Jb 1mc'],
    ['line separators', 'a\u2028b\u2029c', 'a b c'],
    ['bidi controls', 'a\u202ebc\u2066d\u061ce', 'a bc d e'],
    ['NUL, DEL and NEL', 'a\u0000b\u007fc\u0085d', 'a b c d'],
    ['other scripts stay', 'Ωmega 漢字 😀', 'Ωmega 漢字 😀'],
    ['half a pair', 'a\ud800b\udc00c', 'a b c'],
  ]
  for (const [story, value, safe] of table) {
    it(story, () => assert.equal(safeText(value), safe))
  }

  it('are cut at 256 octets', () => {
    assert.equal(safeText('x'.repeat(10_000)).length, 256)
    assert.equal(safeText('x'.repeat(255) + '😀'), 'x'.repeat(255))
  })

  it('cannot begin a line of their own, in any event, nor in tracking', () => {
    const dice = Dice.thrown('log lines')
    for (let i = 0; i < 2000; i++) {
      const value = dice.octets(40).toString(i % 2 ? 'latin1' : 'utf8')
      for (const event of eventsWith(value)) {
        const texts = linesOf(event, SERVICE).map(({ text }) => text)
        for (const text of [...texts, trackText(event, SERVICE)]) {
          assert.doesNotMatch(text, UNSAFE, JSON.stringify(event))
        }
      }
    }
  })
})
