import assert from 'node:assert/strict'
import { FakeClock } from './support/fake-clock'

describe('the clock of the tests', () => {
  it('fires in order, also what is set on the way, and lets promises settle between', async () => {
    const clock = new FakeClock()
    const order: string[] = []
    clock.after(20, () => order.push('20'))
    clock.after(10, () => {
      order.push('10')
      clock.after(5, () => order.push('15'))
      void Promise.resolve().then(() => order.push('promise'))
    })
    clock.after(10, () => order.push('10 again'))
    clock.after(12, () => order.push('never')).cancel()
    assert.equal(clock.pending, 3)
    const start = clock.monotonic()
    await clock.advance(15)
    assert.deepEqual(order, ['10', 'promise', '10 again', '15'])
    assert.equal(clock.monotonic(), start + 15)
    assert.equal(clock.pending, 1)
    const wall = clock.wall()
    clock.setWall(wall - 3_600_000)
    await clock.advance(5)
    assert.deepEqual(order.at(-1), '20')
    assert.equal(clock.wall(), wall - 3_600_000 + 5)
  })
})
