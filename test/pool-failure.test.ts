import assert from 'node:assert/strict'
import type { SessionMaker } from '../plugins/tdc/smtp/session'
import { mail, reply } from './support/fake-sessions'
import { PoolStory } from './support/pool-story'

describe('pool: failed openings', () => {
  it('fail what was waiting when the last attempt began, and only once nothing else is opening', async () => {
    const story = new PoolStory()
    story.submit('m1')
    const [first, second, third] = story.sessions.attempts
    story.submit('late')
    second?.fail()
    await story.clock.settle()
    assert.equal(story.counts, '2 waiting, 2 connecting')
    third?.fail()
    await story.clock.settle()
    assert.deepEqual(story.told, [])
    first?.fail(reply(554))
    await story.clock.settle()
    assert.deepEqual(story.told, ['m1: failed 1 554'])
    assert.equal(story.counts, '1 waiting')
    assert.equal(story.pool.lastAttempt, 'down')
  })

  it('fail nothing while another connection stands', async () => {
    const story = new PoolStory()
    story.submitMany(3)
    const [first, second, third] = story.sessions.attempts
    first?.accept()
    await story.clock.settle()
    second?.fail()
    third?.fail()
    await story.clock.settle()
    assert.equal(story.counts, '2 waiting, 1 busy, 1 in flight')
    assert.equal(story.pool.lastAttempt, 'up')
    await story.deliverAll()
    assert.equal(story.told.join(), 'm1: delivered 1,m2: delivered 1,m3: delivered 1')
  })

  const CUT = { kind: 'tls', reason: 'validation-failure', text: 'cut', mayPass: true } as const
  const WRONG = { kind: 'tls', reason: 'certificate-expired', text: 'expired' } as const
  for (const [what, failure, knows, kind] of [
    [
      'a handshake that is cut where others succeeded is an error of the network',
      CUT,
      true,
      'closed',
    ],
    ['where none did it is one of TLS', CUT, false, 'tls'],
    ['a certificate that is wrong is one of TLS wherever', WRONG, true, 'tls'],
  ] as const) {
    it(what, async () => {
      const story = new PoolStory()
      if (knows) {
        story.submit('before')
        const sessions = await story.accept()
        await story.deliverAll()
        for (const session of sessions) session.hangUp()
        await story.clock.settle()
      }
      story.told.length = 0
      story.submit('m')
      await story.refuse(failure)
      assert.equal(story.told.length, 1)
      assert.match(story.told.join(), new RegExp(`^m: failed \\d+ ${kind}$`))
    })
  }

  it('are followed by one attempt at a time, after 1, 2, 4, 4 s; success ends that', async () => {
    const story = new PoolStory()
    story.submit('m1')
    await story.refuse()
    const pauses: number[] = []
    for (let round = 0; round < 5; round++) {
      story.submit(`n${round}`)
      const before = story.clock.monotonic()
      while (story.sessions.opening.length === 0) await story.clock.advance(50)
      pauses.push(story.clock.monotonic() - before)
      assert.equal(story.counts, '1 waiting, 1 connecting')
      await story.refuse()
    }
    assert.deepEqual(pauses, [1000, 2000, 4000, 4000, 4000])
    story.submit('last')
    await story.clock.advance(4000)
    await story.accept()
    assert.equal(story.counts, '2 connecting, 1 busy, 1 in flight')
    assert.equal(story.pool.lastAttempt, 'up')
  })

  it('are followed by a pause of 1 s with one connection, jitter within a quarter', async () => {
    for (const [random, pause] of [
      [0, 750],
      [0.5, 1000],
      [1, 1250],
    ] as const) {
      const options = { minConnections: 1, maxConnections: 1 }
      const story = new PoolStory(options, { random: () => random })
      story.submit('m1')
      await story.refuse()
      story.submit('m2')
      await story.clock.advance(pause - 1)
      assert.equal(story.counts, '1 waiting')
      await story.clock.advance(1)
      assert.equal(story.counts, '1 waiting, 1 connecting')
    }
  })

  it('make no storm: 1000 messages against an intake that is down for a minute', async () => {
    const story = new PoolStory({}, { random: () => 0 })
    story.submitMany(1000)
    await story.refuse()
    assert.equal(story.counts, '990 waiting')
    await story.clock.advance(1000)
    assert.equal(story.counts, '990 waiting, 1 connecting')
    await story.refuse()
    // What is told costs time that other mail does not have: some now, and the others in turns of theirs.
    assert.ok(story.told.length < 50, `${story.told.length} were told at once`)
    await story.clock.advance(0)
    assert.equal(story.told.length, 1000)
    story.submitMany(1000, 'n')
    for (let tick = 0; tick < 600; tick++) {
      await story.clock.advance(100)
      await story.refuse()
      story.submit(`t${tick}`)
    }
    assert.ok(story.sessions.attempts.length < 35, `${story.sessions.attempts.length} attempts`)
  })

  it('are told to all at once by a pool that is destroyed', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
    story.submitMany(1000)
    await story.refuse()
    story.pool.destroy()
    assert.equal(story.told.length, 1000)
  })

  it('do not keep an intake that is back waiting for more than 5 s', async () => {
    const story = new PoolStory({}, { random: () => 1 })
    for (let round = 0; round < 20; round++) {
      story.submit(`m${round}`)
      await story.clock.advance(5000)
      assert.equal(story.sessions.opening.length > 0, true)
      await story.refuse()
    }
    story.submit('back')
    await story.clock.advance(5000)
    await story.accept()
    await story.deliverAll()
    assert.equal(story.told.at(-1)?.includes('delivered'), true)
  })

  it('do not delay the first attempt after idleness', async () => {
    const story = new PoolStory()
    story.submit('m1')
    await story.refuse()
    assert.equal(story.emptied, 0)
    await story.clock.advance(5000)
    assert.equal(story.emptied, 1)
    story.assertOver()
    story.submit('m2')
    assert.equal(story.counts, '1 waiting, 3 connecting')
  })

  it('allow one attempt at a time, and a further one when that hangs for 5 s', async () => {
    const story = new PoolStory()
    story.submit('m1')
    await story.refuse()
    story.submitMany(10, 'n')
    await story.clock.advance(1000)
    assert.equal(story.counts, '10 waiting, 1 connecting')
    for (let second = 0; second < 50; second++) {
      await story.clock.advance(1000)
      story.submit(`late${second}`)
    }
    assert.equal(story.counts, '60 waiting, 11 connecting')
  })

  it('do not fail a message that was on its way when the attempt began', async () => {
    const story = new PoolStory({ minConnections: 1 })
    story.submit('m1')
    const [first] = await story.accept()
    story.submit('m2')
    assert.equal(story.counts, '1 waiting, 1 connecting, 1 busy, 1 in flight')
    story.options = { ...story.options, maxConnections: 1 }
    first?.flight.comeBack()
    await story.clock.settle()
    assert.equal(story.counts, '2 waiting, 1 connecting')
    await story.refuse()
    assert.deepEqual(story.told, ['m2: failed 2 refused'])
    assert.equal(story.counts, '1 waiting')
  })

  it('come to an end also when the session maker never answers', async () => {
    const story = new PoolStory()
    story.submit('m1')
    await story.clock.advance(59_999)
    // Three at 0, 5 and 10 s, and then one each 5 s.
    assert.equal(story.counts, '1 waiting, 18 connecting')
    await story.clock.advance(1)
    assert.deepEqual(story.told, ['m1: failed 0 timeout'])
    await story.clock.advance(60_000)
    assert.ok(story.sessions.attempts.every(({ signal }) => signal.aborted))
    const late = story.sessions.attempts[0]?.accept()
    await story.clock.settle()
    assert.equal(late?.destroys, 1)
    await story.clock.advance(5000)
    story.assertOver()
  })

  it('have 60 s when the options do not say', async () => {
    const base = { minConnections: 1, maxConnections: 1 }
    const options = { ...base, messagesPerConnection: 1, idleTimeout: 0 }
    const story = new PoolStory({}, { options: () => options })
    story.submit('m1')
    await story.clock.advance(59_999)
    await story.clock.advance(1)
    assert.deepEqual(story.told, ['m1: failed 0 timeout'])
  })

  const mistaken: [string, SessionMaker][] = [
    ['throws', () => assert.fail('a mistake')],
    ['rejects', () => Promise.reject(new Error('a mistake'))],
  ]
  for (const [how, open] of mistaken) {
    it(`are what a session maker that ${how} makes of its attempts`, async () => {
      const story = new PoolStory({}, { open })
      story.submit('m1')
      await story.clock.settle()
      assert.deepEqual(story.told, ['m1: failed 0 error'])
    })
  }
})

describe('pool: failed messages', () => {
  it('are told with their failure, and the connection goes on', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
    story.submit('m1', 'm2')
    const [session] = await story.accept()
    session?.flight.fail(reply(550))
    await story.clock.settle()
    assert.deepEqual(story.told, ['m1: failed 1 550'])
    assert.deepEqual(session?.carries, ['m2'])
    assert.equal(story.pool.lastAttempt, 'up')
  })

  it('are not retried over a connection that the session gave up', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
    story.submit('m1', 'm2')
    const [session] = await story.accept()
    session?.flight.fail(reply(503), false)
    await story.clock.settle()
    assert.equal(session?.destroys, 1)
    assert.deepEqual(story.told, ['m1: failed 1 503'])
    assert.equal(story.counts, '1 waiting, 1 connecting')
  })

  it('leave a connection alone that was given up, until the other replies are there', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
    story.submit('m1', 'm2', 'm3')
    const [session] = await story.accept(2)
    session?.flights[0]?.fail(reply(503), false)
    await story.clock.settle()
    assert.deepEqual(session?.carries, ['m2'])
    assert.equal(session?.destroys, 0)
    session?.flight.deliver(true)
    await story.clock.settle()
    assert.equal(session?.destroys, 1)
    assert.equal(story.counts, '1 waiting, 1 connecting')
  })

  for (const how of ['throws', 'rejects']) {
    it(`are what a send that ${how} makes`, async () => {
      const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
      story.submit('m1')
      const [attempt] = story.sessions.opening
      const session = attempt?.accept()
      assert.ok(session)
      session.send = () => {
        if (how === 'throws') throw new Error('a mistake')
        return Promise.reject(new Error('a mistake'))
      }
      await story.clock.settle()
      assert.deepEqual(story.told, ['m1: failed 1 error'])
      assert.equal(story.counts, '')
      assert.equal(session.destroys, 1)
    })
  }

  it('end although the session never says so, once it is closed', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
    story.submit('m1')
    const [session] = await story.accept()
    const flight = session?.flight
    session?.hangUp()
    assert.equal(story.counts, '1 closing, 1 in flight')
    await story.clock.advance(10_000)
    assert.deepEqual(story.told, ['m1: failed 1 closed'])
    assert.equal(story.counts, '')
    flight?.deliver()
    await story.clock.settle()
    assert.deepEqual(story.told, ['m1: failed 1 closed'])
  })
})

describe('pool: owners that misbehave', () => {
  it('survives a settle and an onEmpty that throw, and says so', async () => {
    const onEmpty = (): never => assert.fail('from onEmpty')
    const story = new PoolStory({ idleTimeout: 0 }, { onEmpty })
    story.pool.submit(mail('bad'), () => assert.fail('from settle'))
    story.submit('good')
    await story.accept()
    await story.deliverAll()
    assert.deepEqual(story.told.length, 1)
    assert.deepEqual(
      story.mistakes.map((error) => (error as Error).message),
      ['from settle', 'from onEmpty'],
    )
    story.assertOver()
  })

  it('survives options that throw when a connection opens or a message lands, and says so', async () => {
    const options = {
      minConnections: 1,
      maxConnections: 1,
      messagesPerConnection: 50,
      idleTimeout: 0,
    }
    let broken = false
    const story = new PoolStory(
      {},
      { options: () => (broken ? assert.fail('no options') : options) },
    )
    story.submit('m1', 'm2')
    const [session] = story.sessions.acceptAll()
    broken = true
    await story.clock.settle()
    broken = false
    story.submit('m3')
    await story.clock.settle()
    broken = true
    session?.flight.deliver()
    await story.clock.settle()
    broken = false
    story.submit('m4')
    await story.deliverAll()
    assert.equal(story.mistakes.length, 2)
    assert.equal(story.told.length, 4)
  })

  it('takes messages from inside settle, the same one again too', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
    const message = mail('again')
    let rounds = 0
    const settle = (): void => {
      rounds += 1
      if (rounds < 100) story.pool.submit(message, settle)
    }
    story.pool.submit(message, settle)
    await story.accept()
    while (rounds < 100) {
      await story.deliverAll()
      await story.accept()
    }
    await story.clock.advance(5000)
    story.assertOver()
  })

  it('is not called deeper and deeper by an owner that never gives up', () => {
    const story = new PoolStory()
    story.pool.destroy()
    let rounds = 0
    const settle = (): void => {
      rounds += 1
      if (rounds < 50_000) story.pool.submit(mail(`m${rounds}`), settle)
    }
    story.pool.submit(mail('m0'), settle)
    assert.equal(rounds, 50_000)
    assert.deepEqual(story.mistakes, [])
  })

  it('refuses a message that it has', () => {
    const story = new PoolStory()
    const message = mail('twice')
    story.pool.submit(message, () => {})
    assert.throws(() => story.pool.submit(message, () => {}), /MID twice/)
    assert.equal(story.counts, '1 waiting, 3 connecting')
  })
})

describe('pool: a hundred thousand messages that fail together', () => {
  it('are found out some in each turn, and each once', async () => {
    const story = new PoolStory({ minConnections: 1, maxConnections: 1 })
    let told = 0
    const settle = (): void => void (told += 1)
    for (let at = 0; at <= 100_000; at++) story.pool.submit(mail(`m${at}`), settle)
    // Of the first message only, which was there when it began.
    await story.refuse()
    await story.clock.advance(1_000)
    const before = told
    const began = performance.now()
    story.sessions.opening[0]?.fail()
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    const turn = performance.now() - began
    assert.ok(told > before && told < before + 50, `${told - before} in one turn`)
    await story.clock.advance(0)
    const whole = performance.now() - began
    assert.deepEqual([told, story.pool.stats.waiting], [100_001, 0])
    assert.ok(turn < whole / 10, `a turn of ${turn} ms, ${whole} ms for all`)
  }).timeout(20_000)
})
