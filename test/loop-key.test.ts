import assert from 'node:assert/strict'
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyWarning, loopKey } from '../plugins/tdc/haraka/loop-key'
import { makeTempDir } from './support/temp-dir'

const KEY = 'ab'.repeat(32)

describe('the key of reports', () => {
  it('is made at the first start, for its owner only, and is the same at the next', () => {
    const folder = makeTempDir('key')
    const path = join(folder, 'tdc.key')
    const first = loopKey(path)
    assert(first.kind === 'kept' && !first.isPublic && first.key.length === 32)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual([loopKey(path), readdirSync(folder)], [first, ['tdc.key']])
  })

  const MODES: [number, boolean][] = [
    [0o600, false],
    [0o640, false],
    [0o644, true],
    [0o602, true],
  ]
  for (const [mode, isPublic] of MODES) {
    it(`of mode ${mode.toString(8)} is ${isPublic ? '' : 'not '}for everybody`, () => {
      const path = join(makeTempDir('key'), 'tdc.key')
      writeFileSync(path, `${KEY}\n`)
      chmodSync(path, mode)
      const key = loopKey(path)
      assert.deepEqual(key, { kind: 'kept', key: Buffer.from(KEY, 'hex'), isPublic })
      assert.equal(
        keyWarning(path, key)?.startsWith(`${path} is open to every user: `),
        isPublic || undefined,
      )
    })
  }

  const UNUSABLE: [string, string, string][] = [
    ['too short', KEY.slice(2), 'fewer than 64 hexadecimal digits'],
    ['no hexadecimal digits', 'secret', 'fewer than 64 hexadecimal digits'],
    ['empty', '', 'fewer than 64 hexadecimal digits'],
  ]
  for (const [what, text, why] of UNUSABLE) {
    it(`that is ${what} is not used, and not replaced`, () => {
      const path = join(makeTempDir('key'), 'tdc.key')
      writeFileSync(path, text)
      const made = loopKey(path)
      assert(made.kind === 'temporary' && made.key.length === 32)
      assert.deepEqual([made.why, statSync(path).size], [why, text.length])
    })
  }

  it('is one for this process where it cannot be written', () => {
    const made = loopKey(join(makeTempDir('key'), 'nowhere', 'tdc.key'))
    assert.deepEqual([made.kind, made.kind === 'temporary' && made.why], ['temporary', 'ENOENT'])
  })
})
