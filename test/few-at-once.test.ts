import assert from 'node:assert/strict'
import { FewAtOnce } from '../plugins/tdc/queue/few-at-once'

describe('a few at a time', () => {
  const never = new AbortController().signal

  /** Work that ends when it is told to, and the list of what has begun. */
  function works(few: FewAtOnce) {
    const begun: string[] = []
    const ends = new Map<string, (error?: Error) => void>()
    const start = (name: string, signal = never) =>
      few.run(() => {
        begun.push(name)
        return new Promise<string>((resolve, reject) => {
          ends.set(name, (error) => (error ? reject(error) : resolve(name)))
        })
      }, signal)
    const end = (name: string, error?: Error) => ends.get(name)?.(error)
    return { begun, start, end }
  }

  it('the third of two waits until one ends, also when that failed', async () => {
    const { begun, start, end } = works(new FewAtOnce(2))
    const [a, b, c, d] = [start('a'), start('b'), start('c'), start('d')]
    assert.deepEqual(begun, ['a', 'b'])
    end('b')
    assert.equal(await b, 'b')
    await Promise.resolve()
    assert.deepEqual(begun, ['a', 'b', 'c'])
    end('a', new Error('no'))
    await assert.rejects(a, /no/)
    await Promise.resolve()
    assert.deepEqual(begun, ['a', 'b', 'c', 'd'])
    end('c')
    end('d')
    assert.deepEqual(await Promise.all([c, d]), ['c', 'd'])
  })

  it('who gives up in the line never begins, and holds nobody up', async () => {
    const { begun, start, end } = works(new FewAtOnce(1))
    const giveUp = new AbortController()
    const a = start('a')
    const b = start('b', giveUp.signal)
    const c = start('c')
    giveUp.abort(new Error('too long'))
    await assert.rejects(b, /too long/)
    end('a')
    await a
    await Promise.resolve()
    assert.deepEqual(begun, ['a', 'c'])
    end('c')
    await c
  })

  it('who gave up before does not begin', async () => {
    const few = new FewAtOnce(1)
    const { begun, start } = works(few)
    await assert.rejects(start('a', AbortSignal.abort(new Error('gone'))), /gone/)
    assert.deepEqual(begun, [])
    assert.equal(await few.run(() => Promise.resolve('free'), never), 'free')
  })
})
