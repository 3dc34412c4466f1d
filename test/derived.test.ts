import assert from 'node:assert/strict'
import { COUNTED } from '../plugins/tdc/monitor/message-counts'
import { textOf } from './support/documents'

/** The rows of a document's tables, their cells without the blanks that align them. */
function rowsOf(path: string): string[] {
  const rows = textOf(path)
    .split('\n')
    .filter((line) => line.startsWith('|'))
  return rows.map((row) => row.replace(/ *\| */g, '|'))
}

/** As it stands in the middle of a table. */
function inDocument(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, '')
}

describe('what the documents have of the tables in the code, word for word:', () => {
  for (const [name, { metric, help }] of COUNTED) {
    it(`the counter ${name}`, () => {
      const wanted = `|\`${name}\`|${inDocument(help)}|`
      assert.ok(rowsOf('docs/log-reference.md').includes(wanted), wanted)
    })
    it(`its metric ${metric}`, () => {
      const wanted = `|\`${metric}\`|counter||${inDocument(help)}|`
      assert.ok(rowsOf('docs/monitoring.md').includes(wanted), wanted)
    })
  }
})
