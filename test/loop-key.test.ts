import assert from 'node:assert/strict'
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LoopKey, LoopKeys, keyWarning, loopKey } from '../plugins/tdc/haraka/loop-key'
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
      assert(key.kind === 'kept')
      assert.deepEqual([key.key, key.isPublic, key.older], [Buffer.from(KEY, 'hex'), isPublic, []])
      assert.equal(
        keyWarning(path, key, Date.now())?.startsWith(`${path} is open to every user: `),
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

  it('is changed without a gap: the first line signs, the others are accepted for 7 days', () => {
    const path = join(makeTempDir('key'), 'tdc.key')
    const [fresh, old] = ['cd'.repeat(32), KEY]
    writeFileSync(path, `${fresh}\n${old}\n`, { mode: 0o600 })
    const read = loopKey(path)
    assert(read.kind === 'kept')
    const keys = new LoopKeys(read)
    const hex = (now: number) => keys.accepted(now).map((key) => key.toString('hex'))
    assert.equal(keys.current.toString('hex'), fresh)
    assert.deepEqual(hex(read.oldEnd), [fresh, old])
    assert.deepEqual(hex(read.oldEnd + 1), [fresh])
    assert.ok(Math.abs(read.oldEnd - statSync(path).mtimeMs - 7 * 86_400_000) < 1)
    assert.equal(keyWarning(path, read, read.oldEnd), undefined)
    assert.match(keyWarning(path, read, read.oldEnd + 1) ?? '', /are not accepted any more/)
  })

  it('that is replaced while Haraka runs is accepted as long; one that cannot be used changes nothing', () => {
    const kept = (digits: string): LoopKey => ({
      ...{ kind: 'kept', key: Buffer.from(digits.repeat(32), 'hex'), older: [] },
      ...{ oldEnd: 0, isPublic: false },
    })
    const keys = new LoopKeys(kept('aa'))
    assert.ok(!keys.renew({ kind: 'temporary', key: Buffer.alloc(32), why: 'empty' }, 1_000))
    assert.deepEqual(keys.accepted(1_000), [kept('aa').key])
    assert.ok(keys.renew(kept('bb'), 1_000))
    const end = 1_000 + 7 * 86_400_000
    assert.deepEqual(keys.accepted(end), [kept('bb').key, kept('aa').key])
    assert.deepEqual(keys.accepted(end + 1), [kept('bb').key])
  })
})
