import assert from 'node:assert/strict'
import { isFromTo, isMeant } from '../plugins/tdc/base/sought'
import { momentOf } from '../plugins/tdc/cli/moments'

const NOW = Date.parse('2026-11-21T12:00:00')

describe('what is asked for', () => {
  const AGO: [string, number | undefined][] = [
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1h', 3_600_000],
    ['2 d', 172_800_000],
    ['0s', 0],
    ['2026-11-21T11:00', 3_600_000],
    ['2026-11-21 11:59:59', 1_000],
    ['2026-11-21', 43_200_000],
    ['999999999d', NOW],
    ['2026-11-21T12:01', undefined],
    ['2026-13-21', undefined],
    ['1', undefined],
    ['1w', undefined],
    ['-1h', undefined],
    ['1h ago', undefined],
    ['Nov 21', undefined],
    ['yesterday 1', undefined],
  ]
  for (const [text, ago] of AGO) {
    it(`since ${text}`, () => {
      assert.equal(momentOf(text, NOW), ago === undefined ? undefined : NOW - ago)
    })
  }

  it('since a time with a zone', () => {
    assert.equal(momentOf('2026-11-20T12:00Z', NOW), Date.parse('2026-11-20T12:00:00Z'))
    assert.equal(momentOf('2026-11-20T12:00+02:00', NOW), Date.parse('2026-11-20T10:00:00Z'))
  })

  const MEANT: [wanted: string, address: string, is: boolean][] = [
    ['', '', true],
    ['', 'a@b.example', true],
    ['<>', '', true],
    ['<>', 'a@b.example', false],
    ['A@b.Example', 'a@B.example', true],
    ['a@b.example', 'aa@b.example', false],
    ['b.example', 'a@b.example', true],
    ['@b.example', 'a@b.example', true],
    ['example', 'a@b.example', false],
    ['b.example', 'a@sub.b.example', false],
    ['b.example', '', false],
  ]
  for (const [wanted, address, is] of MEANT) {
    it(`${wanted || 'anything'} ${is ? 'is' : 'is not'} <${address}>`, () => {
      assert.equal(isMeant(wanted, address), is)
      const message = { sender: address, recipients: ['x@y.example', address] }
      assert.equal(isFromTo({ sender: wanted, recipient: wanted }, message), is)
    })
  }
})
