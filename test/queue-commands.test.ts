import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Outcome } from '../plugins/tdc/smtp/outcome'
import type { Outgoing } from '../plugins/tdc/smtp/outgoing'
import { systemDisk } from '../plugins/tdc/queue/disk'
import { TestQueue } from './support/queue'

const HOUR = 3_600_000
const OTHER = 'intake@other.example'
const DELIVERED: Outcome = { kind: 'delivered', dcid: 7, response: '250 ok' }
const FAILED: Outcome = {
  kind: 'failed',
  dcid: 7,
  failure: { kind: 'network', details: 'reset', reason: 'connection reset' },
}

describe('a queue that is held', () => {
  let queue: TestQueue
  beforeEach(() => (queue = new TestQueue()))
  afterEach(() => queue.remove())

  const states = async () =>
    (await queue.commands.list(10)).map(({ mid, state }) => `${mid} ${state}`)

  it('sends nothing and lets nothing expire; released, each has its whole time', async () => {
    queue.scheduler.schedule(queue.copy('T.1.tdc1'))
    await queue.clock.advance(queue.options.maxAge - 1_000)
    assert.equal(await queue.commands.hold(), 1)
    queue.scheduler.schedule(queue.copy('T.2.tdc1'))
    assert.deepEqual([queue.courier.holding, queue.clock.pending], [0, 0])
    await queue.clock.advance(HOUR)
    assert.deepEqual(await states(), ['T.1.tdc1 held', 'T.2.tdc1 held'])
    assert.equal(await queue.commands.release(), 2)
    await queue.idle()
    assert.equal(queue.courier.holding, 2)
    await queue.clock.advance(queue.options.maxAge - 1)
    assert.deepEqual(queue.told(), ['held', 'released'])
    await queue.clock.advance(1)
    await queue.idle()
    assert.deepEqual(queue.told(), ['expired', 'expired'])
  })

  it('finishes what is on its way; when that fails, it is held too', async () => {
    for (const mid of ['T.1.tdc1', 'T.2.tdc1']) {
      const copy = queue.copy(mid)
      queue.scheduler.schedule(copy)
      queue.courier.flying.add(copy)
    }
    assert.equal(await queue.commands.hold(), 0)
    queue.courier.answer(DELIVERED)
    queue.courier.answer(FAILED)
    await queue.idle()
    const [copy, ...others] = await queue.commands.list(10)
    assert.deepEqual(copy, {
      mid: 'T.2.tdc1',
      intake: 'intake@scan.example',
      state: 'held',
      ageMs: 0,
      attempts: 1,
      size: 100,
      lastFailure: "4.4.2 - Bad connection ('000', ['connection reset'])",
    })
    assert.deepEqual([others, queue.clock.pending], [[], 0])
  })

  it('holds what waits for its retry, which a flush does not send', async () => {
    queue.scheduler.schedule(queue.copy())
    queue.courier.answer(FAILED)
    await queue.idle()
    await queue.commands.hold()
    assert.equal(await queue.commands.flush(), 0)
    await queue.clock.advance(HOUR)
    assert.deepEqual([await states(), queue.courier.holding], [['T.1.tdc1 held'], 0])
    await queue.commands.release()
    await queue.idle()
    assert.equal(queue.courier.holding, 1)
  })

  it('for one domain sends to the others', async () => {
    queue.scheduler.schedule(queue.copy('T.1.tdc1'))
    queue.scheduler.schedule(queue.copy('T.2.tdc1', OTHER))
    await queue.commands.hold('Scan.example')
    assert.deepEqual(await states(), ['T.1.tdc1 held', 'T.2.tdc1 active'])
    await queue.commands.hold()
    assert.deepEqual(await states(), ['T.1.tdc1 held', 'T.2.tdc1 held'])
    await queue.commands.release('scan.example')
    assert.deepEqual(await states(), ['T.1.tdc1 held', 'T.2.tdc1 held'])
    assert.equal(await queue.commands.release(), 2)
    assert.deepEqual(queue.holds.list, [])
  })

  it('is held after a restart, until it is released', async () => {
    await queue.commands.hold()
    await queue.commands.hold('scan.example')
    const heir = new TestQueue(systemDisk, queue.path)
    assert.deepEqual([...heir.holds.list].sort(), ['all', 'scan.example'])
    heir.scheduler.schedule(heir.copy())
    assert.equal(heir.courier.holding, 0)
    await heir.commands.release()
    await heir.idle()
    assert.equal(heir.courier.holding, 1)
    assert.deepEqual(new TestQueue(systemDisk, queue.path).holds.list, [])
  })

  it('is held and released by several processes at once', async () => {
    const all = [
      queue,
      new TestQueue(systemDisk, queue.path),
      new TestQueue(systemDisk, queue.path),
    ]
    await Promise.all(all.map(({ commands }) => commands.hold()))
    await Promise.all(all.map(({ commands }) => commands.release()))
    for (const each of all) assert.deepEqual(each.told(), ['held', 'released'])
    assert.deepEqual(queue.directory.holdNames(), [])
  })

  it('is not held after a restart when it was released while the hold was being noted', async () => {
    let goOn = () => {}
    const slow = new Promise<void>((resolve) => (goOn = resolve))
    const makeFolder = (path: string) => slow.then(() => systemDisk.makeFolder(path))
    const hasty = new TestQueue({ ...systemDisk, makeFolder })
    const both = [hasty.commands.hold(), hasty.commands.release()]
    goOn()
    await Promise.all(both)
    assert.deepEqual(hasty.directory.holdNames(), [])
    hasty.remove()
  })

  it('begins although what holds there are cannot be read, with a line', () => {
    mkdirSync(dirname(queue.directory.holdFolder), { recursive: true })
    writeFileSync(queue.directory.holdFolder, 'no folder')
    const heir = new TestQueue(systemDisk, queue.path)
    heir.scheduler.schedule(heir.copy())
    assert.deepEqual([heir.told(), heir.courier.holding], [['holds-unreadable'], 1])
  })

  it('is held although the disk does not let that be noted, with a line', async () => {
    const create = () => Promise.reject(Object.assign(new Error(), { code: 'EROFS' }))
    const stuck = new TestQueue({ ...systemDisk, create })
    await stuck.commands.hold()
    stuck.scheduler.schedule(stuck.copy())
    assert.equal(stuck.courier.holding, 0)
    assert.deepEqual(stuck.told(), ['held', 'hold-not-stored'])
    stuck.remove()
  })

  for (const domain of ['', '../x', 'a b', 'a\u0000b', 'x'.repeat(251)]) {
    it(`is not held for ${JSON.stringify(domain).slice(0, 20)}, which is no domain`, async () => {
      await assert.rejects(queue.commands.hold(domain), /is not a domain$/)
      await assert.rejects(queue.commands.release(domain), /is not a domain$/)
      assert.deepEqual([queue.told(), queue.holds.list, queue.files], [[], [], []])
    })
  }
})

describe('a copy in the queue, on request', () => {
  let queue: TestQueue
  beforeEach(() => {
    queue = new TestQueue()
    queue.keep = { ...queue.keep, keep: true }
  })
  afterEach(() => queue.remove())

  const MID = 'T.1.tdc1'
  const ways: [string, () => Promise<unknown>][] = [
    ['with the courier', async () => queue.scheduler.schedule(queue.copy())],
    [
      'waiting for its retry',
      async () => {
        queue.scheduler.schedule(queue.copy())
        queue.courier.answer(FAILED)
        await queue.idle()
      },
    ],
    [
      'held',
      async () => {
        await queue.commands.hold()
        queue.scheduler.schedule(queue.copy())
      },
    ],
  ]
  for (const [where, bring] of ways) {
    it(`is dropped ${where}: its file goes, it is not kept`, async () => {
      await bring()
      queue.told()
      assert.equal(queue.commands.drop(MID), true)
      assert.equal(queue.commands.drop(MID), false)
      await queue.idle()
      assert.deepEqual(queue.told(), ['dropped'])
      assert.deepEqual(
        queue.files.filter((name) => name !== 'error.tdc'),
        [],
      )
      assert.deepEqual(await queue.kept.list(), [])
      assert.deepEqual([queue.scheduler.has(MID), queue.clock.pending], [false, 0])
    })
  }

  it('is dropped, not kept, when its time ends before the courier lets it go', async () => {
    const taken: Outgoing[] = []
    queue.courier.abort = (message) => void taken.push(message)
    queue.scheduler.schedule(queue.copy())
    queue.commands.drop(MID)
    await queue.clock.advance(queue.options.maxAge)
    queue.courier.answer({ kind: 'aborted', dcid: 7 }, taken[0])
    await queue.idle()
    assert.deepEqual([queue.told(), await queue.kept.list()], [['dropped'], []])
  })

  it('delivered at that moment is delivered', async () => {
    queue.courier.abort = () => queue.courier.answer(DELIVERED)
    queue.scheduler.schedule(queue.copy())
    queue.commands.drop(MID)
    await queue.idle()
    assert.deepEqual(queue.told(), ['delivered'])
  })

  it('is not dropped before its original is queued, nor when it is not here', () => {
    queue.scheduler.lease(queue.copy())
    assert.deepEqual([queue.commands.drop(MID), queue.commands.drop('T.2.tdc1')], [false, false])
    assert.equal(queue.scheduler.stats.prepared, 1)
  })

  it('is tried now when it waits for its retry', async () => {
    for (const mid of [MID, 'T.2.tdc1']) {
      queue.scheduler.schedule(queue.copy(mid))
      queue.courier.answer(FAILED)
    }
    await queue.idle()
    assert.equal(await queue.commands.flush(), 2)
    await queue.idle()
    assert.equal(queue.courier.holding, 2)
    assert.equal(await queue.commands.flush(), 0)
  })

  it('is listed with the oldest, as many as are asked for', async () => {
    for (let i = 1; i <= 3; i++) {
      queue.scheduler.schedule(queue.copy(`T.${i}.tdc1`))
      await queue.clock.advance(1_000)
    }
    queue.scheduler.lease(queue.copy('T.4.tdc1'))
    const listed = await queue.commands.list(10)
    assert.deepEqual(
      listed.map(({ mid, state, ageMs }) => [mid, state, ageMs]),
      [
        ['T.1.tdc1', 'active', 3_000],
        ['T.2.tdc1', 'active', 2_000],
        ['T.3.tdc1', 'active', 1_000],
        ['T.4.tdc1', 'prepared', 0],
      ],
    )
    assert.deepEqual(await queue.commands.list(1), listed.slice(0, 1))
    assert.deepEqual(structuredClone(listed), JSON.parse(JSON.stringify(listed)))
  })
})
