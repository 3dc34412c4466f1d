import assert from 'node:assert/strict'
import { wantedConnections } from '../plugins/tdc/delivery/growth'
import { PoolStory } from './support/pool-story'

describe('pool: growth', () => {
  const curve: [queued: number, min: number, max: number, wanted: number][] = [
    [0, 3, 50, 0],
    [1, 3, 50, 3],
    [2, 3, 50, 3],
    [3, 3, 50, 3], // the curve says 4, but there are messages for 3 only
    [4, 3, 50, 4],
    [10, 3, 50, 10], // and 11 here
    [30, 3, 50, 25],
    [100, 3, 50, 45],
    [1000, 3, 50, 50],
    [1, 0, 50, 1],
    [1, 0, 1, 1],
    [100_000, 0, 1, 1],
    [1, 5, 2, 5],
  ]
  for (const [queued, minConnections, maxConnections, wanted] of curve) {
    it(`wants ${wanted} for ${queued} messages, floor ${minConnections}, most ${maxConnections}`, () => {
      assert.equal(wantedConnections(queued, { minConnections, maxConnections }), wanted)
    })
  }

  it('never wants less for more messages, nor more than is allowed', () => {
    let before = 0
    for (let queued = 0; queued < 2000; queued++) {
      const wanted = wantedConnections(queued, { minConnections: 3, maxConnections: 40 })
      assert.ok(wanted >= before && wanted <= 40)
      before = wanted
    }
    assert.equal(before, 40)
  })

  it('opens the floor in parallel for one message, and closes it when the queue is empty', async () => {
    const story = new PoolStory()
    assert.equal(story.counts, '')
    story.submit('m1')
    assert.equal(story.counts, '1 waiting, 3 connecting')
    const [first] = await story.accept()
    assert.equal(story.counts, '2 idle, 1 busy, 1 in flight')
    first?.flight.deliver()
    await story.clock.settle()
    assert.deepEqual(story.told, ['m1: delivered 1'])
    await story.clock.advance(4999)
    assert.equal(story.counts, '3 idle')
    await story.clock.advance(1)
    assert.deepEqual(
      story.sessions.sessions.map(({ quits, destroys }) => [quits, destroys]),
      [
        [1, 0],
        [1, 0],
        [1, 0],
      ],
    )
    story.assertOver()
  })

  it('grows along the curve, ten openings at a time', async () => {
    const story = new PoolStory()
    story.submitMany(100)
    assert.equal(story.counts, '100 waiting, 10 connecting')
    story.sessions.attempts[0]?.accept()
    await story.clock.settle()
    assert.equal(story.counts, '99 waiting, 10 connecting, 1 busy, 1 in flight')
    const stands: number[] = []
    for (let step = 0; step < 5; step++) stands.push((await story.accept(), story.pool.stats.busy))
    assert.deepEqual(stands, [11, 21, 31, 41, 45])
    assert.equal(story.counts, '55 waiting, 45 busy, 45 in flight')
    story.submitMany(400, 'late')
    assert.equal(story.counts, '455 waiting, 5 connecting, 45 busy, 45 in flight')
    await story.accept()
    await story.deliverAll()
    assert.equal(story.told.length, 500)
    assert.equal(story.sessions.attempts.length, 50)
  })

  it('a connection that is greeted makes place for the next, long before it stands', async () => {
    const story = new PoolStory()
    story.submitMany(100)
    for (const attempt of story.sessions.attempts.slice(0, 4)) attempt.greeted()
    assert.equal(story.counts, '100 waiting, 14 connecting')
    for (let step = 0; step < 5; step++) story.sessions.opening.forEach((each) => each.greeted())
    assert.equal(story.counts, '100 waiting, 45 connecting')
  })

  it('what was down is asked by the floor, and gets more when it greets', async () => {
    const story = new PoolStory()
    story.submit('m1')
    await story.refuse()
    await story.clock.advance(6_000)
    story.submitMany(100, 'n')
    assert.equal(story.counts, '100 waiting, 3 connecting')
    story.sessions.opening[0]?.greeted()
    assert.equal(story.counts, '100 waiting, 11 connecting')
  })

  it('opens no more than there are messages for, the floor apart', async () => {
    const story = new PoolStory()
    story.submitMany(5)
    await story.accept()
    assert.equal(story.counts, '5 busy, 5 in flight')
  })

  it('closes what is more than wanted while others go on, the floor stays', async () => {
    const story = new PoolStory()
    story.submitMany(40)
    for (let step = 0; step < 5; step++) await story.accept()
    assert.equal(story.counts, '9 waiting, 31 busy, 31 in flight')
    const slow = story.sessions.standing[0]?.flight
    for (let round = 0; round < 2; round++) {
      for (const flight of story.sessions.flights) if (flight !== slow) flight.deliver()
      await story.clock.settle()
    }
    assert.equal(story.counts, '30 idle, 1 busy, 1 in flight')
    await story.clock.advance(5000)
    assert.equal(story.counts, '2 idle, 1 busy, 1 in flight')
    await story.clock.advance(100_000)
    assert.equal(story.counts, '2 idle, 1 busy, 1 in flight')
    slow?.deliver()
    await story.clock.settle()
    assert.equal(story.counts, '1 idle')
    await story.clock.advance(5000)
    story.assertOver()
  })

  it('closes at once with an idle timeout of 0', async () => {
    const story = new PoolStory({ idleTimeout: 0 })
    story.submit('m1')
    await story.accept()
    assert.equal(story.counts, '2 idle, 1 busy, 1 in flight')
    await story.deliverAll()
    story.assertOver()
  })

  it('keeps what opens after its demand vanished until its idle timeout', async () => {
    const story = new PoolStory()
    story.submit('m1')
    story.abort('m1')
    assert.deepEqual(story.told, ['m1: aborted 0'])
    await story.accept()
    assert.equal(story.counts, '3 idle')
    await story.clock.advance(5000)
    story.assertOver()
  })

  it('follows a reload at the next pulse', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
    story.submitMany(10)
    await story.accept()
    assert.equal(story.counts, '9 waiting, 1 busy, 1 in flight')
    story.options = { ...story.options, minConnections: 4, maxConnections: 4 }
    assert.equal(story.counts, '9 waiting, 1 busy, 1 in flight')
    story.sessions.standing[0]?.flight.deliver()
    await story.clock.settle()
    assert.equal(story.counts, '8 waiting, 3 connecting, 1 busy, 1 in flight')
    await story.accept()
    assert.equal(story.counts, '5 waiting, 4 busy, 4 in flight')
    story.options = { ...story.options, idleTimeout: 10 }
    await story.deliverAll()
    await story.clock.advance(10)
    story.assertOver()
  })

  it('drains a queue of 30,000 in a time that grows with its length only', async function () {
    const short = await drain(3000)
    const long = await drain(30_000)
    assert.ok(long < 10 * short * 4 + 500, `3000: ${short} ms, 30,000: ${long} ms`)
  })

  it('takes 30,000 waiting messages back in any order', () => {
    const story = new PoolStory()
    story.submitMany(30_000)
    const start = performance.now()
    for (let number = 30_000; number > 0; number -= 2) story.abort(`m${number}`)
    for (let number = 1; number < 30_000; number += 2) story.abort(`m${number}`)
    assert.equal(story.told.length, 30_000)
    assert.equal(story.counts, '10 connecting')
    const taken = performance.now() - start
    assert.ok(taken < 3000, `${taken} ms`)
  })

  async function drain(many: number): Promise<number> {
    const story = new PoolStory({ messagesPerConnection: 1000 })
    const start = performance.now()
    story.submitMany(many)
    await story.accept()
    await story.accept()
    while (story.told.length < many) {
      await story.deliverAll()
      await story.accept()
    }
    assert.deepEqual(new Set(story.told).size, many)
    await story.clock.advance(5000)
    story.assertOver()
    return performance.now() - start
  }
})
