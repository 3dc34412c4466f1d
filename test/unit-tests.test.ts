import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './support/run'
import { unitTests } from './support/unit-tests'

describe('npm run test:unit', () => {
  const tests = unitTests()

  it('has most of the tests', () => {
    assert.ok(tests.length > 75, `${tests.length}`)
    assert.deepEqual(
      tests.filter((path) => !existsSync(join(repository, path))),
      [],
    )
  })

  const rows: [name: string, isUnit: boolean, why: string][] = [
    ['pool-model', true, 'all of it is in this process'],
    ['documents', true, 'of run.ts it has where the repository is'],
    ['restart', false, 'a Haraka, by what it imports'],
    ['package', false, 'npm pack'],
    ['types', false, 'npm pack, and no Haraka'],
    ['readers', false, 'readers in other languages'],
    ['control-user', false, 'a program, by itself'],
  ]
  for (const [name, isUnit, why] of rows) {
    it(`has ${isUnit ? '' : 'not '}${name}: ${why}`, () => {
      assert.equal(tests.includes(`test/${name}.test.ts`), isUnit)
    })
  }
})
