import assert from 'node:assert/strict'
import { CLOSED, REFUSED, reply } from './support/fake-sessions'
import { PoolStory } from './support/pool-story'

const ONE = { minConnections: 1, maxConnections: 1 }

/** What went wrong in the outbound pools that Haraka had, by issue number. */
describe('pool: incidents of earlier pools', () => {
  it('Haraka#3100: an acquire that fails ends, and is not tried again without a pause', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1')
    await story.refuse(REFUSED)
    assert.deepEqual(story.told, ['m1: failed 1 refused'])
    assert.equal(story.sessions.attempts.length, 1)
    story.submit('m2')
    await story.clock.advance(249)
    assert.equal(story.sessions.attempts.length, 1)
  })

  it('Haraka#1852: nothing is handed to a connection before the last reply was read', async () => {
    const story = new PoolStory(ONE)
    story.submitMany(3)
    const [session] = await story.accept()
    await story.clock.advance(10_000)
    assert.deepEqual(session?.carries, ['m1'])
    assert.equal(story.counts, '2 waiting, 1 busy, 1 in flight')
    session?.flight.deliver()
    await story.clock.settle()
    assert.deepEqual(session?.carries, ['m2'])
    assert.deepEqual(story.sessions.misuse, [])
  })

  it('Haraka#1852: the fakes see it when somebody does', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1')
    const [session] = await story.accept()
    void session?.send({ ...session.flight.message, mid: 'm2' })
    session?.hangUp()
    void session?.send({ ...session.flight.message, mid: 'm3' })
    assert.deepEqual(story.sessions.misuse, [
      'DCID 1: m2 before the reply to the one before',
      'DCID 1: m3 after the close',
      'DCID 1: m3 before the reply to the one before',
    ])
  })

  it('Haraka#1551: a FIN while idle drops the connection in silence', async () => {
    const story = new PoolStory()
    story.submit('m1')
    const sessions = await story.accept()
    await story.deliverAll()
    for (const session of sessions) session.hangUp()
    assert.equal(story.counts, '')
    assert.equal(story.emptied, 1)
    story.assertOver()
    story.submit('m2')
    assert.equal(story.counts, '1 waiting, 3 connecting')
  })

  it('Haraka#1570: an error and a timeout together end a message once', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1')
    const [session] = await story.accept()
    const flight = session?.flight
    flight?.fail(CLOSED, false)
    session?.hangUp()
    flight?.fail({ kind: 'network', details: 'timeout', reason: 'late' }, false)
    session?.hangUp()
    story.abort('m1')
    await story.clock.settle()
    assert.equal(story.told.length, 1)
    assert.equal(story.counts, '')
  })

  it('Haraka#1611: nothing is written after a FIN, whichever comes first, close or reply', async () => {
    for (const closeFirst of [true, false]) {
      const story = new PoolStory(ONE)
      story.submit('m1', 'm2')
      const [session] = await story.accept()
      const flight = session?.flight
      if (closeFirst) session?.hangUp()
      flight?.fail(reply(421), false)
      if (!closeFirst) session?.hangUp()
      await story.clock.settle()
      assert.deepEqual(story.told, ['m1: failed 1 421'])
      assert.equal(story.counts, '1 waiting, 1 connecting')
      await story.accept()
      await story.deliverAll()
      await story.clock.advance(5000)
      story.assertOver()
    }
  })

  it('Haraka#2222: a 421 on a reused connection does not hurt the next message', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1', 'm2', 'm3')
    const [first] = await story.accept()
    first?.flight.deliver()
    await story.clock.settle()
    first?.flight.comeBack(reply(421))
    await story.clock.settle()
    assert.equal(story.counts, '2 waiting, 1 connecting')
    const [second] = await story.accept()
    assert.deepEqual(second?.carries, ['m2'])
    await story.deliverAll()
    assert.deepEqual(story.told, ['m1: delivered 1', 'm2: delivered 2', 'm3: delivered 2'])
  })

  it('a whole row of stale connections does not fail the message that meets them', async () => {
    const story = new PoolStory({ idleTimeout: 60_000 })
    story.submitMany(3)
    const stale = await story.accept()
    await story.deliverAll()
    assert.equal(story.counts, '3 idle')
    story.submit('next')
    for (let met = 0; met < 2; met++) {
      const session = stale.find(({ carries }) => carries.length > 0)
      session?.flight.comeBack(CLOSED)
      session?.hangUp()
      await story.clock.settle()
    }
    // It may come back only once more: the last stale connection was closed, unused.
    assert.deepEqual(
      stale.map(({ quits, destroys }) => quits + destroys),
      [1, 0, 0],
    )
    assert.equal(story.counts, '1 waiting, 3 connecting')
    await story.accept()
    await story.deliverAll()
    assert.equal(story.told.at(-1)?.startsWith('next: delivered'), true)
  })

  it('a message does not go round for ever: the third free ride is the last', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1')
    for (let ride = 1; ride <= 3; ride++) {
      assert.deepEqual(story.told, [])
      const [session] = await story.accept()
      session?.flight.comeBack(reply(421))
      await story.clock.settle()
    }
    assert.deepEqual(story.told, ['m1: failed 3 421'])
  })
})
