import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readersTable } from './readers/expected'
import { repository } from './support/run'

describe('docs/readers.md', () => {
  it('has the table that npm run readers holds the readers to', () => {
    const cells = (text: string) => text.replace(/ +/g, ' ').replace(/-+/g, '-')
    const document = cells(readFileSync(join(repository, 'docs', 'readers.md'), 'utf8'))
    assert.ok(document.includes(cells(readersTable())), `\n${readersTable()}`)
  })
})
