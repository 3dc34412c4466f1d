import assert from 'node:assert/strict'
import { CLOSED, type FakeSession, reply } from './support/fake-sessions'
import { PoolStory } from './support/pool-story'

const ONE = { minConnections: 1, maxConnections: 1 }
const FULL = reply(452)
const TOO_MUCH = reply(450)

describe('pool: a refusal that is the connection’s', () => {
  it('closes it in order, teaches its limit, and costs the copies of the window nothing', async () => {
    const story = new PoolStory(ONE)
    story.submitMany(8)
    for (const take of [2, 2]) {
      const [session] = await story.accept(4)
      for (let taken = 0; taken < take; taken++) session?.flights[0]?.deliver()
      await story.clock.settle()
      for (const flight of [...(session?.flights ?? [])]) flight.refuse('connection', FULL)
      await story.clock.settle()
      assert.deepEqual([session?.quits, session?.destroys], [1, 0])
    }
    for (const [what, carried] of [
      ['came back twice, and may not again: a connection of its own', 'm5'],
      ['two over one connection, as was learned', 'm6,m7'],
      ['the rest', 'm8'],
    ]) {
      const [session] = await story.accept(4)
      assert.equal(session?.carries.join(), carried, what)
      await story.deliverAll()
    }
    assert.ok(story.told.every((words) => words.includes('delivered')))
    assert.equal(story.told.length, 8)
  })

  it('and a copy that this happens to three times has failed', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1')
    for (let times = 1; times <= 3; times++) {
      assert.deepEqual(story.told, [])
      const [session] = await story.accept()
      session?.flight.refuse('connection', FULL)
      await story.clock.settle()
    }
    assert.deepEqual(story.told, ['m1: failed 3 452'])
  })
})

describe('pool: a refusal that is the host’s', () => {
  it('has the copy go to another address, past connections to the one that refuses', async () => {
    const story = new PoolStory()
    story.submit('m1')
    const [first, second, third] = story.sessions.opening
    const refusing = first?.accept(1, 'mx1', 2)
    second?.accept(1, 'mx1', 2)
    await story.clock.settle()
    refusing?.flight.refuse('host', FULL)
    await story.clock.settle()
    const late = third?.accept(1, 'mx1', 2)
    await story.clock.settle()
    assert.deepEqual([late?.carries, late?.quits], [[], 1])
    assert.deepEqual(story.told, [])
    const [other] = story.sessions.opening.map((attempt) => attempt.accept(1, 'mx2', 2))
    await story.clock.settle()
    assert.deepEqual(other?.carries, ['m1'])
    other?.flight.deliver()
    await story.clock.settle()
    assert.deepEqual(story.told, [`m1: delivered ${other?.dcid}`])
  })

  it('is the copy’s attempt when two addresses say so, or when there is but one', async () => {
    for (const addresses of [1, 2, 3]) {
      const story = new PoolStory(ONE)
      story.submit('m1')
      for (let tried = 1; tried <= Math.min(addresses, 2); tried++) {
        assert.deepEqual(story.told, [])
        const [attempt] = story.sessions.opening
        const session = attempt?.accept(1, `mx${tried}`, addresses)
        await story.clock.settle()
        session?.flight.refuse('host', FULL)
        await story.clock.settle()
      }
      assert.deepEqual(story.told, [`m1: failed ${Math.min(addresses, 2)} 452`])
    }
  })

  it('and where no copy can go elsewhere, it opens no connection for each', async () => {
    const story = new PoolStory(ONE)
    story.submitMany(20)
    await story.accept()
    for (let refused = 0; refused < 20; refused++) {
      story.sessions.flights[0]?.refuse('host', FULL)
      await story.clock.settle()
    }
    assert.equal(story.told.length, 20)
    assert.equal(story.sessions.attempts.length, 1)
  })

  it('and a cut before the copy was begun costs it nothing, twice', async () => {
    const story = new PoolStory(ONE)
    story.submit('m1')
    for (let times = 1; times <= 2; times++) {
      const [session] = await story.accept()
      const { flight } = session as FakeSession
      session?.hangUp()
      flight.refuse('host', CLOSED)
      await story.clock.settle()
    }
    const [session] = await story.accept()
    session?.flight.deliver()
    await story.clock.settle()
    assert.deepEqual(story.told, ['m1: delivered 3'])
  })
})

describe('pool: an intake that says "too much mail"', () => {
  /** Takes so many messages in each window of time, as Postfix's anvil counts them, the refused ones too. */
  class Limited {
    readonly story = new PoolStory({ idleTimeout: 60_000 })
    private since = -Infinity
    private seen = 0
    refused = 0

    constructor(
      readonly most: number,
      readonly window: number,
    ) {}

    async run(milliseconds: number): Promise<void> {
      const { story } = this
      const end = story.clock.monotonic() + milliseconds
      while (story.clock.monotonic() < end) {
        this.answer()
        await story.clock.advance(10)
      }
    }

    private answer(): void {
      const now = this.story.clock.monotonic()
      this.story.sessions.acceptAll(4)
      for (const session of this.story.sessions.standing) {
        for (const flight of [...session.flights]) {
          if (now - this.since > this.window) [this.since, this.seen] = [now, 0]
          this.seen += 1
          if (this.seen <= this.most) {
            this.took.add(session)
            flight.deliver()
          } else {
            this.refused += 1
            flight.refuse(this.took.has(session) ? 'connection' : 'intake', TOO_MUCH)
          }
        }
      }
    }

    private readonly took = new Set<FakeSession>()
  }

  it('gets what it takes, and no copy is charged for what it does not', async () => {
    const intake = new Limited(100, 10_000)
    intake.story.submitMany(300)
    await intake.run(40_000)
    const { told } = intake.story
    assert.equal(told.length, 300)
    assert.ok(told.every((words) => words.includes('delivered')))
    assert.ok(intake.refused < 400, `${intake.refused} refusals`)
  })

  it('is asked by one message a second or two until it takes more', async () => {
    const intake = new Limited(1, 60_000)
    intake.story.submitMany(50)
    await intake.run(5_000)
    const before = intake.refused
    await intake.run(50_000)
    const asked = intake.refused - before
    assert.ok(asked >= 20 && asked <= 55, `${asked} questions in 50 s`)
    assert.equal(intake.story.told.length, 1)
  })

  it('has the oldest given up first where the rate does not do', async () => {
    const intake = new Limited(10, 10_000)
    intake.story.submitMany(100)
    await intake.run(35_000)
    const taken = intake.story.told.map((words) => Number(/m(\d+)/.exec(words)?.[1]))
    assert.ok(taken.length >= 30, `${taken.length} taken`)
    assert.equal(Math.max(...taken), taken.length, 'in their order')
  })
})
