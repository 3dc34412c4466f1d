import assert from 'node:assert/strict'
import { mail, reply } from './support/fake-sessions'
import { PoolStory } from './support/pool-story'

const ONE = { minConnections: 1, maxConnections: 1 }

describe('pool: taking messages back', () => {
  it('removes a waiting one and touches no connection', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1', 'm2', 'm3')
    const [session] = await story.accept()
    story.abort('m2')
    assert.deepEqual(story.told, ['m2: aborted 0'])
    assert.equal(story.counts, '1 waiting, 1 busy, 1 in flight')
    assert.equal(session?.destroys, 0)
  })

  it('forgets a recalled one that waits, and leaves one that is on its way', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1', 'm2')
    await story.accept()
    assert.deepEqual(
      [story.recall('m1'), story.recall('m2'), story.recall('m2')],
      [false, true, false],
    )
    await story.deliverAll()
    assert.deepEqual(story.told, ['m1: delivered 1'])
    story.submit('m2')
    await story.deliverAll()
    assert.deepEqual(story.told, ['m1: delivered 1', 'm2: delivered 1'])
  })

  it('cuts the connection of one that is on its way, and opens none for it', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1')
    const [session] = await story.accept()
    story.abort('m1')
    await story.clock.settle()
    assert.equal(session?.destroys, 1)
    assert.deepEqual(story.told, ['m1: aborted 1'])
    story.assertOver()
    assert.equal(story.sessions.attempts.length, 1)
  })

  it('lets others on the same connection land, for the intake may have them', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1', 'm2', 'm3')
    const [session] = await story.accept(3)
    story.abort('m1')
    story.submit('m4')
    await story.clock.settle()
    assert.deepEqual(story.told, [])
    assert.equal(story.counts, '1 waiting, 1 closing, 3 in flight', 'it takes no more')
    for (const flight of session?.flights.slice(1) ?? []) flight.deliver()
    await story.clock.settle()
    assert.deepEqual(story.told, ['m2: delivered 1', 'm3: delivered 1'])
    session?.flight.deliver()
    await story.clock.settle()
    assert.deepEqual(story.told.slice(2), ['m1: delivered 1'], 'that was so')
    assert.deepEqual([session?.quits, session?.destroys], [1, 0])
    await story.accept()
    await story.deliverAll()
    assert.equal(story.told.at(-1), 'm4: delivered 2')
  })

  it('for 10 s; then what the intake may have had its attempt, the rest goes over another', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1', 'm2', 'm3')
    const [session] = await story.accept(3)
    const [, , unwritten] = session?.flights ?? []
    if (unwritten) unwritten.begun = false
    story.abort('m1')
    await story.clock.advance(9_999)
    assert.deepEqual([session?.destroys, story.told], [0, []])
    await story.clock.advance(1)
    assert.equal(session?.destroys, 1)
    assert.deepEqual(story.told, ['m1: aborted 1', 'm2: failed 1 closed'])
    assert.equal(story.counts, '1 waiting, 1 connecting')
    await story.accept()
    await story.deliverAll()
    assert.equal(story.told.at(-1), 'm3: delivered 2')
  })

  it('also when the session does not let go of them', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1', 'm2')
    const [session] = await story.accept(2)
    if (session) session.stuck = true
    story.abort('m1')
    await story.clock.advance(20_000)
    assert.deepEqual(story.told, ['m1: aborted 1', 'm2: failed 1 closed'])
    assert.equal(story.counts, '')
  })

  it('and not when all of them are taken back', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1', 'm2')
    await story.accept(2)
    story.abort('m1')
    story.abort('m2')
    await story.clock.settle()
    assert.deepEqual(story.told, ['m1: aborted 1', 'm2: aborted 1'])
    story.assertOver()
  })

  it('says delivered when the intake had said so already', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1')
    const [session] = await story.accept()
    session?.flight.deliver()
    story.abort('m1')
    await story.clock.settle()
    assert.deepEqual(story.told, ['m1: delivered 1'])
  })

  it('ends within 10 s when the session does not let go', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1')
    const [session] = await story.accept()
    if (session) session.stuck = true
    story.abort('m1')
    await story.clock.advance(10_000)
    assert.deepEqual(story.told, ['m1: aborted 1'])
    assert.equal(story.counts, '')
    assert.equal(story.clock.pending, 0)
  })

  it('does nothing for one that is unknown or settled', async () => {
    const story = new PoolStory(ONE)
    story.pool.abort(mail('unknown'))
    story.submit('m1')
    await story.accept()
    await story.deliverAll()
    story.abort('m1')
    story.abort('m1')
    assert.deepEqual(story.told, ['m1: delivered 1'])
    assert.equal(story.counts, '1 idle')
  })

  it('may be done from inside settle', async () => {
    const story = new PoolStory(ONE)
    const second = mail('second')
    story.pool.submit(mail('first'), () => story.pool.abort(second))
    story.pool.submit(second, ({ kind }) => story.told.push(kind))
    await story.accept()
    story.sessions.flights[0]?.deliver()
    await story.clock.settle()
    // The reply freed the connection for the second message before the owner heard of it.
    assert.deepEqual(story.told, ['aborted'])
    story.assertOver()
  })
})

describe('pool: its end', () => {
  it('destroys: everything ends as aborted', async () => {
    const story = new PoolStory()
    story.submitMany(6)
    story.sessions.attempts[0]?.accept()
    await story.clock.settle()
    assert.equal(story.counts, '5 waiting, 5 connecting, 1 busy, 1 in flight')
    story.pool.destroy()
    story.pool.destroy()
    await story.clock.settle()
    assert.equal(story.told.length, 6)
    assert.ok(story.told.every((line) => line.includes('aborted')))
    story.assertOver()
    story.submit('late')
    assert.equal(story.told.at(-1), 'late: aborted 0')
    assert.equal(story.sessions.attempts.length, 6)
  })

  it('leaves no timer behind when the intake was down', async () => {
    const story = new PoolStory()
    story.submit('m1')
    await story.refuse()
    assert.equal(story.clock.pending, 1)
    story.pool.destroy()
    story.assertOver()
  })

  it('destroys what opens too late', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1')
    const [attempt] = story.sessions.attempts
    story.pool.destroy()
    const session = attempt?.accept()
    await story.clock.settle()
    assert.equal(session?.destroys, 1)
    story.assertOver()
  })
})

describe('pool: what its owner can see', () => {
  it('says once that it is empty, each time it was used', async () => {
    const story = new PoolStory()
    assert.equal(story.emptied, 0)
    for (let round = 1; round <= 3; round++) {
      story.submit(`m${round}`)
      await story.accept()
      await story.deliverAll()
      assert.equal(story.emptied, round - 1)
      await story.clock.advance(5000)
      assert.equal(story.emptied, round)
      await story.clock.advance(60_000)
      assert.equal(story.emptied, round)
    }
  })

  it('knows whether the intake was up at the last attempt', async () => {
    const story = new PoolStory(ONE)
    assert.equal(story.pool.lastAttempt, 'unknown')
    story.submit('m1')
    assert.equal(story.pool.lastAttempt, 'unknown')
    await story.refuse()
    assert.equal(story.pool.lastAttempt, 'down')
    story.submit('m2', 'm3')
    await story.clock.advance(1000)
    const [session] = await story.accept()
    assert.equal(story.pool.lastAttempt, 'up')
    session?.flight.fail({ kind: 'network', details: 'reset', reason: 'ECONNRESET' }, false)
    await story.clock.settle()
    assert.equal(story.pool.lastAttempt, 'down')
    const [second] = await story.accept()
    second?.flight.fail(reply(450))
    await story.clock.settle()
    assert.equal(story.pool.lastAttempt, 'up')
  })
})
