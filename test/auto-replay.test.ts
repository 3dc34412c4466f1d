import assert from 'node:assert/strict'
import type { Failure, Outcome } from '../plugins/tdc/smtp/outcome'
import type { AutoReplay } from '../plugins/tdc/queue/auto-replay'
import { givenUp } from '../plugins/tdc/queue/next-step'
import { TestQueue } from './support/queue'

const DELIVERED: Outcome = { kind: 'delivered', dcid: 7, response: '250 ok' }
const REFUSED: Failure = { kind: 'network', details: 'refused', reason: 'connection refused' }
const DOWN: Outcome = { kind: 'failed', dcid: 5, failure: REFUSED, unsent: true }
const INTAKE = 'intake@scan.example'
const reply = (code: number): Failure => ({
  kind: 'reply',
  command: 'RCPT',
  reply: { code, text: 'no' },
})

describe('the replay of what an outage left', () => {
  let queue: TestQueue
  let auto: AutoReplay
  let next = 1

  beforeEach(() => {
    next = 1
    queue = new TestQueue()
    queue.keep = { ...queue.keep, keep: true, replay: 'auto' }
    auto = queue.autoReplay()
    auto.follow()
  })
  afterEach(() => queue.remove())

  /** Mails while the intake is down: given up, and kept. */
  async function outage(copies: number): Promise<void> {
    for (let n = 0; n < copies; n++)
      queue.scheduler.schedule(queue.copy(`T.${String(next++).padStart(3, '0')}.tdc1`))
    const fail = async () => {
      for (const copy of queue.courier.held) queue.courier.answer(DOWN, copy)
      await queue.idle()
    }
    await fail()
    await queue.clock.advance(queue.options.retryDelay)
    await fail()
    queue.told()
  }

  /** What went out again, when new mails come and the intake takes all. */
  async function seconds(count: number, newOnes: number): Promise<string[]> {
    const again: string[] = []
    for (let second = 0; second < count; second++) {
      for (let n = 0; n < newOnes; n++) {
        const copy = queue.copy(`N.${next++}.tdc1`)
        queue.scheduler.schedule(copy)
        queue.courier.answer(DELIVERED, copy)
      }
      await queue.clock.advance(1_000)
      await queue.idle()
      for (const copy of queue.courier.held) {
        if ('mid' in copy) again.push(String(copy.mid))
        queue.courier.answer(DELIVERED, copy)
      }
      await queue.idle()
    }
    return again
  }

  it('goes out when the intake takes new ones, the oldest first, and all of it once', async () => {
    await outage(30)
    assert.equal((await queue.kept.list()).length, 30)
    const again = await seconds(40, 2)
    assert.deepEqual(
      again.map((mid) => Number(mid.split('.')[1])),
      Array.from({ length: 30 }, (_, i) => i + 1),
    )
    assert.deepEqual(await queue.kept.list(), [])
  })

  it('is slower than the new ones', async () => {
    await outage(40)
    await seconds(10, 0)
    const again = await seconds(3, 10)
    assert.ok(again.length <= 3 * 9 && again.length >= 9, `${again.length} with 30 new ones`)
  })

  it('does not go while nothing is taken, but for one a minute that tries', async () => {
    await outage(5)
    assert.deepEqual(await seconds(59, 0), [])
    assert.equal((await seconds(10, 0)).length, 5, 'it was taken, and the others follow')
  })

  it('one that tries and finds the intake down may go again', async () => {
    await outage(1)
    for (let second = 0; second < 75 && queue.courier.holding === 0; second++) {
      await queue.clock.advance(1_000)
      await queue.idle()
    }
    assert.equal(queue.courier.holding, 1)
    queue.courier.answer(DOWN)
    await queue.idle()
    await queue.clock.advance(queue.options.retryDelay)
    queue.courier.answer(DOWN)
    await queue.idle()
    assert.equal((await queue.kept.list())[0]?.outage, true)
    assert.equal((await seconds(15, 2)).length, 1)
  })

  it('one that is answered with 4xx when it tries may go again, and keeps its age', async () => {
    await outage(1)
    const [kept] = await queue.kept.list()
    for (let second = 0; second < 75 && queue.courier.holding === 0; second++) {
      await queue.clock.advance(1_000)
      await queue.idle()
    }
    for (const wait of [queue.options.retryDelay, 0]) {
      queue.courier.answer({ kind: 'failed', dcid: 9, failure: reply(451) })
      await queue.idle()
      await queue.clock.advance(wait)
    }
    const [again] = await queue.kept.list()
    assert.deepEqual([again?.outage, again?.at], [true, kept?.at])
  })

  it('leaves alone what was refused for what it is', async () => {
    queue.scheduler.schedule(queue.copy())
    queue.courier.answer({ kind: 'failed', dcid: 7, failure: reply(550) })
    await queue.idle()
    assert.equal((await queue.kept.list()).length, 1)
    assert.deepEqual(await seconds(90, 1), [])
  })

  it('stays for an intake that the settings no longer have, with one line, until they have it', async () => {
    await outage(2)
    queue.intakes = [{ address: 'other@scan.example' }]
    assert.deepEqual(await seconds(130, 2), [])
    const told = queue.events.filter(({ kind }) => kind === 'kept-for-others')
    assert.deepEqual(told, [{ kind: 'kept-for-others', intakes: [INTAKE], copies: 2 }])
    queue.intakes = [{ address: INTAKE.toUpperCase() }]
    assert.equal((await seconds(15, 2)).length, 2)
  })

  it('stays for it also when its turn had come', async () => {
    await outage(40)
    assert.ok((await seconds(12, 1)).length > 0)
    queue.intakes = []
    await seconds(10, 1)
    assert.deepEqual(await seconds(20, 1), [])
  })

  it('leaves an intake alone that is still down', async () => {
    queue.intakes = [...queue.intakes, { address: 'intake@other.example' }]
    queue.scheduler.schedule(queue.copy('T.1.tdc1', 'intake@other.example'))
    await outage(0)
    assert.equal((await queue.kept.list()).length, 1)
    assert.deepEqual(await seconds(50, 3), [])
  })

  it('does nothing when it is off, or the server drains', async () => {
    await outage(2)
    queue.keep = { ...queue.keep, replay: 'off' }
    assert.deepEqual(await seconds(70, 2), [])
    queue.keep = { ...queue.keep, replay: 'auto' }
    auto.follow()
    auto.stop()
    assert.deepEqual(await seconds(70, 2), [])
  })

  it('is only of copies that were kept for it', async () => {
    queue.keep = { ...queue.keep, replay: 'off' }
    await outage(1)
    queue.keep = { ...queue.keep, replay: 'auto' }
    auto.follow()
    assert.deepEqual(await seconds(20, 2), [])
  })

  const fresh = { isReplayed: false, mayHaveArrived: true }
  const again = { isReplayed: true, mayHaveArrived: false }
  const doubtful = { isReplayed: true, mayHaveArrived: true }
  const rows: [what: string, Failure | undefined, typeof fresh, boolean][] = [
    ['no connection', REFUSED, fresh, true],
    ['its age', undefined, fresh, true],
    ['a 4xx', reply(451), fresh, true],
    ['a 5xx', reply(550), fresh, false],
    ['no connection, again', REFUSED, again, true],
    ['its age, again', undefined, again, true],
    ['no connection, again, and one before it', REFUSED, doubtful, false],
    ['its age, again, and a connection before', undefined, doubtful, false],
    ['a 4xx, again', reply(451), again, true],
    ['a 4xx, again, and a connection cut before', reply(451), doubtful, false],
  ]
  for (const [what, failure, copy, outage] of rows) {
    it(`${what}: ${outage ? 'may go again' : 'stays'}`, () => {
      const step = { kind: 'expired', dcid: 7, failure } as const
      assert.deepEqual(givenUp(step, copy), { cause: 'expired', outage })
    })
  }

  it('cut in the middle and sent again, it stays when it is cut again', async () => {
    const cut: Outcome = { kind: 'failed', dcid: 7, failure: REFUSED }
    await outage(1)
    for (let second = 0; second < 75 && queue.courier.holding === 0; second++) {
      await queue.clock.advance(1_000)
      await queue.idle()
    }
    queue.courier.answer(cut)
    await queue.idle()
    await queue.clock.advance(queue.options.retryDelay)
    queue.courier.answer(DOWN)
    await queue.idle()
    assert.equal((await queue.kept.list())[0]?.outage, false)
  })
})
