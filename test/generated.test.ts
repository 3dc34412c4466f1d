import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandsOfProgram, DOCUMENTS } from './support/documents'
import { PARTS, partsIn, remade } from './support/generated'
import { repository } from './support/run'

describe('parts of the documents that are made of the code', () => {
  for (const [path, document] of DOCUMENTS) {
    if (partsIn(document).length === 0) continue
    it(`stand in ${path} as the code has them (npm run docs)`, async () => {
      const now = await remade(join(repository, path), document)
      if (process.env['UPDATE']) writeFileSync(join(repository, path), now)
      else assert.equal(document, now)
    })
  }

  it('stand in one document, each of them', () => {
    const written = [...DOCUMENTS.values()].flatMap(partsIn)
    assert.ok(PARTS.size > 30, 'there are parts')
    assert.deepEqual(written.sort(), [...PARTS.keys()].sort())
  })

  it('are not what the code has, where one was changed by hand (control)', async () => {
    const path = join(repository, 'docs/settings.md')
    const document = DOCUMENTS.get('docs/settings.md') ?? ''
    const changed = document.replace('`max_age`', '`max_aeg`')
    assert.notEqual(changed, document)
    assert.notEqual(changed, await remade(path, changed))
  })

  for (const [name, { options, help }] of commandsOfProgram()) {
    it(`tell every option of haraka-tdc ${name}, and no other`, () => {
      const told = new Set(help.join('\n').match(/(?<=(^|\s)--)[a-z-]+/g))
      assert.deepEqual([...told].sort(), Object.keys(options).sort())
    })
  }
})
