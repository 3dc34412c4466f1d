import assert from 'node:assert/strict'
import { simpleParser } from 'mailparser'
import { subjectField, subjectText } from '../plugins/tdc/journal/subject'
import { Dice } from './support/dice'
import { SUBJECTS } from './support/subjects'

describe('journal: subjects of real mail', () => {
  for (const [what, raw, text] of SUBJECTS) {
    it(what, async () => {
      assert.equal(subjectText(raw), text)
      const { subject } = await simpleParser(`${subjectField(raw)}\r\n\r\n`)
      assert.equal(subject, text)
    })
  }

  it('any text comes back from its words, none of which is padded but the last', () => {
    const dice = Dice.thrown('subjects')
    const alphabet = ['a', ' ', 'é', 'ß', 'я', '漢', '字', '🎉', '한', '=?', '?=']
    for (let round = 0; round < 3000; round++) {
      const some = dice.list(3, () => dice.pick(alphabet))
      const text = dice.list(60, () => dice.pick(some.length > 0 ? some : alphabet)).join('')
      const field = subjectField(text)
      const words = field.split(/\s+/).filter((word) => word.startsWith('=?'))
      for (const word of words.slice(0, -1)) assert.doesNotMatch(word, /=\?=$/, field)
      for (const word of words) assert.ok(word.length <= 75)
      for (const word of words) assert.equal(subjectText(word).includes('\ufffd'), false, word)
      const wanted = subjectText(text)
      const read = subjectText(field.slice('Subject:'.length))
      assert.ok(words.length === 12 ? wanted.startsWith(read) : read === wanted, text)
    }
  })
})
