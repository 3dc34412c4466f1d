import assert from 'node:assert/strict'
import { type FakeAttempt, reply } from './support/fake-sessions'
import { PoolStory } from './support/pool-story'

describe('pool: openings that hang', () => {
  for (const silent of [1, 3, 7]) {
    it(`hold no other's place: ${silent} of them, and 20 messages are gone within seconds`, async () => {
      const story = new PoolStory()
      story.submitMany(20)
      const isSilent = (attempt: FakeAttempt) => story.sessions.attempts.indexOf(attempt) < silent
      for (let passed = 0; story.told.length < 20; passed += 500) {
        assert.ok(passed <= 5_000 * Math.ceil(silent / 3), `${story.counts} after ${passed} ms`)
        for (const attempt of story.sessions.opening) if (!isSilent(attempt)) attempt.accept()
        await story.clock.settle()
        await story.deliverAll()
        await story.clock.advance(500)
      }
    })
  }

  it('cost the messages that waited for them their attempt, as the others of their step do', async () => {
    const story = new PoolStory()
    story.submit('m1')
    await story.clock.advance(5_000)
    const [one, two, three] = story.sessions.attempts
    assert.equal(story.counts, '1 waiting, 6 connecting')
    for (const attempt of [one, two]) attempt?.fail()
    await story.clock.settle()
    assert.deepEqual(story.told, [])
    three?.fail()
    await story.clock.settle()
    assert.deepEqual(story.told, ['m1: failed 3 refused'])
  })

  it('and that come to stand all the same, serve', async () => {
    const story = new PoolStory()
    story.submitMany(2)
    await story.clock.advance(6_000)
    story.sessions.attempts[0]?.accept()
    await story.clock.settle()
    await story.deliverAll()
    assert.equal(story.told.length, 2)
  })
})

describe('pool: an intake that takes so many connections and no more', () => {
  /** Seconds of work, in which an intake that has `most` connections refuses every further one. */
  async function refusals(most: number, seconds: number): Promise<number> {
    const story = new PoolStory({ messagesPerConnection: 10_000 })
    let refused = 0
    for (let tick = 0; tick < seconds * 10; tick++) {
      if (story.pool.stats.waiting < 200) story.submitMany(200, `t${tick}-`)
      for (const attempt of story.sessions.opening) {
        if (story.sessions.standing.length < most) attempt.accept()
        else {
          attempt.fail(reply(421))
          refused += 1
        }
      }
      for (const flight of story.sessions.flights) flight.deliver()
      await story.clock.advance(100)
    }
    assert.equal(story.sessions.standing.length, most)
    assert.ok(story.told.every((words) => words.includes('delivered')))
    return refused
  }

  it('is asked for one more now and then only', async () => {
    assert.ok((await refusals(5, 35)) <= 12)
    assert.ok((await refusals(20, 35)) <= 13)
  })

  it('gets more when it takes more, one after the other', async () => {
    const story = new PoolStory({ messagesPerConnection: 10_000 })
    story.submitMany(400)
    await story.accept()
    assert.equal(story.pool.stats.busy, 10)
    await story.refuse(reply(421))
    assert.equal(story.counts, '390 waiting, 10 busy, 10 in flight')
    await story.clock.advance(5_000)
    const stands: number[] = []
    for (let second = 0; second < 4; second++) {
      await story.accept()
      stands.push(story.pool.stats.busy)
      await story.clock.advance(1_000)
    }
    assert.deepEqual(stands, [11, 12, 13, 14])
  })

  it('and refuses the first one already: copies wait, as long as it says "too many"', async () => {
    const story = new PoolStory()
    const tooMany = {
      kind: 'reply',
      command: 'CONNECT',
      reply: { code: 421, text: 'Too many concurrent SMTP connections' },
    } as const
    story.submit('m1')
    for (let passed = 0; passed < 60; passed++) {
      await story.refuse(tooMany)
      await story.clock.advance(1_000)
    }
    assert.deepEqual(story.told, [])
    assert.ok(story.sessions.attempts.length < 25, `${story.sessions.attempts.length} attempts`)
    await story.clock.advance(5_000)
    await story.accept()
    await story.deliverAll()
    assert.equal(story.told.length, 1)
  })
})
