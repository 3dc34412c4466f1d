import assert from 'node:assert/strict'
import { CLOSED, reply } from './support/fake-sessions'
import { PoolStory } from './support/pool-story'

describe('pool: handing out', () => {
  it('gives a message to an idle connection at once, the one used last', async () => {
    const story = new PoolStory()
    story.submitMany(3)
    const [first, second, third] = await story.accept()
    first?.flight.deliver()
    await story.clock.advance(1000)
    third?.flight.deliver()
    await story.clock.advance(1000)
    second?.flight.deliver()
    await story.clock.settle()
    assert.equal(story.counts, '3 idle')
    story.submit('a', 'b')
    assert.equal(story.counts, '1 idle, 2 busy, 2 in flight')
    assert.deepEqual(second?.carries, ['a'])
    assert.deepEqual(third?.carries, ['b'])
    await story.deliverAll()
    await story.clock.advance(3000)
    assert.equal(story.counts, '2 idle')
    assert.equal(first?.quits, 1)
  })

  it('keeps the order of the line', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
    story.submitMany(5)
    story.abort('m3')
    await story.accept()
    await story.deliverAll()
    assert.deepEqual(story.told, [
      'm3: aborted 0',
      'm1: delivered 1',
      'm2: delivered 1',
      'm4: delivered 1',
      'm5: delivered 1',
    ])
  })

  it('fills the window of a connection, idle connections first', async () => {
    const story = new PoolStory({ minConnections: 2, maxConnections: 2 })
    story.submitMany(5)
    const [first, second] = await story.accept(2)
    assert.equal(story.counts, '1 waiting, 2 busy, 4 in flight')
    assert.deepEqual(first?.carries, ['m1', 'm2'])
    assert.deepEqual(second?.carries, ['m3', 'm4'])
    second?.flights[1]?.deliver()
    await story.clock.settle()
    assert.deepEqual(second?.carries, ['m3', 'm5'])
    await story.deliverAll()
    story.submit('a', 'b', 'c')
    assert.deepEqual([first?.flights.length, second?.flights.length].sort(), [1, 2])
  })

  it('says QUIT after the messages that one connection may take', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1, messagesPerConnection: 2 })
    story.submitMany(3)
    const [first] = await story.accept()
    first?.flight.deliver()
    await story.clock.settle()
    first?.flight.deliver()
    await story.clock.settle()
    assert.equal(first?.quits, 1)
    assert.equal(story.counts, '1 waiting, 1 connecting')
    const [second] = await story.accept()
    assert.deepEqual(second?.carries, ['m3'])
  })

  it('says QUIT only after the last reply when the window is larger', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1, messagesPerConnection: 3 })
    story.submitMany(5)
    const [first] = await story.accept(2)
    first?.flights[0]?.deliver()
    await story.clock.settle()
    assert.deepEqual(first?.carries, ['m2', 'm3'])
    first?.flights[0]?.deliver()
    await story.clock.settle()
    assert.deepEqual(first?.carries, ['m3'])
    assert.equal(first?.quits, 0)
    first?.flight.deliver()
    await story.clock.settle()
    assert.equal(first?.quits, 1)
    assert.deepEqual(story.sessions.misuse, [])
  })

  it('counts a connection that is closing against the most, so that an intake never sees more', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1, messagesPerConnection: 1 })
    story.submit('m1', 'm2')
    const [first] = await story.accept()
    if (first) first.stuck = true
    first?.flight.deliver()
    await story.clock.settle()
    assert.equal(story.counts, '1 waiting, 1 closing')
    await story.clock.advance(9_999)
    assert.equal(story.counts, '1 waiting, 1 closing')
    await story.clock.advance(1)
    assert.equal(first?.destroys, 1)
    assert.equal(story.counts, '1 waiting, 1 connecting')
    first?.hangUp()
    assert.equal(story.counts, '1 waiting, 1 connecting')
  })
})

describe('pool: the limit of an intake', () => {
  it('is learned when two connections end after the same message, one after the other', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
    story.submitMany(12)
    const lengths: number[] = []
    while (story.told.length < 12) {
      const [session] = await story.accept()
      assert.ok(session)
      lengths.push(await serve(story, 3))
    }
    // The fourth message came back twice; then nobody got as far any more.
    assert.deepEqual(lengths, [3, 3, 3, 3])
    assert.deepEqual(
      story.sessions.sessions.map(({ quits }) => quits),
      [0, 0, 1, 1],
    )
    assert.ok(story.told.every((line) => line.includes('delivered')))
  })

  for (const [how, reusable] of [
    ['a close right after the reply', true],
    ['a reply that ends the session', false],
  ] as const) {
    it(`is learned from ${how}, too`, async () => {
      const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
      for (let round = 0; round < 2; round++) {
        story.submit(`a${round}`, `b${round}`)
        const [session] = await story.accept()
        session?.flight.deliver()
        await story.clock.settle()
        session?.flight.deliver(reusable)
        await story.clock.settle()
        session?.hangUp()
        await story.clock.settle()
      }
      story.submit('m1', 'm2', 'm3')
      const [third] = await story.accept()
      await story.deliverAll()
      assert.equal(third?.quits, 1)
      assert.equal(story.counts, '1 waiting, 1 connecting')
    })
  }

  for (const [how, reusable] of [
    ['idle', true],
    ['with a message on its way', false],
  ] as const) {
    it(`is not learned from connections that we ended ${how}`, async () => {
      const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
      for (let round = 0; round < 2; round++) {
        story.submit(`m${round}`)
        const [session] = await story.accept()
        if (session) session.endedByIntake = false
        session?.flight.deliver(reusable)
        await story.clock.settle()
        session?.hangUp()
        await story.clock.settle()
      }
      story.submit('last', 'of all')
      await story.accept()
      await story.deliverAll()
      assert.equal(story.counts, '1 idle')
    })
  }

  it('is not learned from one restart of the intake, nor from its idle timeout', async () => {
    const story = new PoolStory({ maxConnections: 3, idleTimeout: 60_000 })
    story.submitMany(3)
    for (const session of await story.accept()) {
      session.flight.deliver()
      await story.clock.settle()
      session.hangUp()
    }
    for (let round = 0; round < 3; round++) {
      story.submitMany(3, `r${round}-`)
      const sessions = await story.accept()
      await story.deliverAll()
      await story.clock.advance(30_000)
      for (const session of sessions) session.hangUp()
    }
    story.submitMany(6, 'last')
    await story.accept()
    await story.deliverAll()
    assert.equal(story.counts, '3 idle')
    assert.deepEqual(
      story.sessions.sessions.map(({ quits }) => quits),
      new Array<number>(15).fill(0),
    )
  })

  it('is not learned from a close that a rested connection meets', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1, idleTimeout: 60_000 })
    story.submit('m0')
    await story.accept()
    for (let round = 1; round < 5; round++) {
      await story.deliverAll()
      await story.clock.advance(3000)
      story.submit(`m${round}`)
      for (const session of story.sessions.standing) {
        session.flight.comeBack(CLOSED)
        session.hangUp()
      }
      await story.accept()
    }
    await story.deliverAll()
    assert.equal(story.counts, '1 idle')
  })

  /** Serves `most` messages, then answers the next with 421 and closes; how many it served. */
  async function serve(story: PoolStory, most: number): Promise<number> {
    const [session] = story.sessions.standing
    let served = 0
    while (session && !session.closed && session.flights.length > 0) {
      if (served === most) {
        session.flight.comeBack(reply(421))
        session.hangUp()
      } else {
        session.flight.deliver()
        served += 1
      }
      await story.clock.settle()
    }
    return served
  }
})
