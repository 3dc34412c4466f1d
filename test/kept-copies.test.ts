import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import type { Outcome } from '../plugins/tdc/smtp/outcome'
import type { TdcEvent } from '../plugins/tdc/monitor/events'
import { type Disk, systemDisk } from '../plugins/tdc/queue/disk'
import { beyondBounds, byAge } from '../plugins/tdc/queue/kept-bounds'
import { keptName, type KeptCopy, parseKeptName } from '../plugins/tdc/queue/kept-name'
import { Dice } from './support/dice'
import { TestQueue } from './support/queue'

const DAY = 86_400_000
const REFUSED: Outcome = {
  kind: 'failed',
  dcid: 7,
  failure: { kind: 'reply', command: 'RCPT', reply: { code: 550, text: 'no' } },
}
const NO_TLS: Outcome = {
  kind: 'failed',
  dcid: 7,
  failure: { kind: 'tls', reason: 'certificate-expired', text: 'expired' },
}
const DELIVERED: Outcome = { kind: 'delivered', dcid: 7, response: '250 ok' }

describe('a copy that is given up', () => {
  let queue: TestQueue
  beforeEach(() => {
    queue = new TestQueue()
    queue.keep = { ...queue.keep, keep: true }
  })
  afterEach(() => queue.remove())

  const mids = async () => (await queue.kept.list()).map(({ mid }) => mid)

  /** Lets copies with these MIDs expire, all at one moment. */
  async function expire(...names: string[]): Promise<void> {
    for (const mid of names) queue.scheduler.schedule(queue.copy(mid))
    await queue.clock.advance(queue.options.maxAge)
    await queue.idle()
  }

  const sweep = async (ms = 1_000) => {
    await queue.clock.advance(ms)
    await queue.idle()
  }

  const ends: [string, Outcome | undefined, KeptCopy['cause']][] = [
    ['hard bounced', REFUSED, 'hard-bounce'],
    ['after a TLS error', NO_TLS, 'tls-error'],
    ['expired', undefined, 'expired'],
  ]
  for (const [what, outcome, cause] of ends) {
    it(`${what}: its file is moved out of the queue, for its owner's eyes only`, async () => {
      const copy = queue.copy()
      const { size } = statSync(copy.path)
      queue.scheduler.schedule(copy)
      if (outcome) queue.courier.answer(outcome)
      else await queue.clock.advance(queue.options.maxAge)
      await queue.idle()
      const [kept] = await queue.kept.list()
      assert(kept)
      assert.deepEqual(
        { ...kept, file: '', bytes: size },
        {
          file: '',
          mid: copy.mid,
          cause,
          outage: false,
          at: queue.clock.wall(),
          bytes: size,
        },
      )
      assert.deepEqual(queue.files, ['error.tdc'])
      assert.equal(statSync(queue.directory.keptFolder).mode & 0o777, 0o700)
      assert.equal(queue.told().at(-1), 'kept')
      assert.equal(queue.scheduler.has(copy.mid), false)
    })
  }

  it('is removed when none are to be kept, as by default', async () => {
    queue.keep = { ...queue.keep, keep: false }
    await expire('T.1.tdc1')
    assert.deepEqual([queue.told(), queue.files], [['expired'], []])
  })

  it('unlike one that was delivered or withdrawn', async () => {
    queue.scheduler.schedule(queue.copy('T.1.tdc1'))
    queue.courier.answer(DELIVERED)
    const other = queue.copy('T.2.tdc1')
    queue.scheduler.lease(other)
    await queue.scheduler.withdraw(other, 'the original was rejected')
    await queue.idle()
    assert.deepEqual([await mids(), queue.files], [[], []])
  })

  it('is removed, with a line, when the disk does not let it be kept', async () => {
    const rename = () => Promise.reject(Object.assign(new Error(), { code: 'EROFS' }))
    const stuck = new TestQueue({ ...systemDisk, rename })
    stuck.keep = { ...stuck.keep, keep: true }
    stuck.scheduler.schedule(stuck.copy())
    stuck.courier.answer(REFUSED)
    await stuck.idle()
    const last = stuck.events.at(-1)
    assert.deepEqual(last, {
      kind: 'not-kept',
      mid: 'T.1.tdc1',
      why: 'the queue disk is read-only (EROFS)',
    })
    assert.deepEqual([stuck.files, stuck.scheduler.has('T.1.tdc1')], [[], false])
    stuck.remove()
  })

  it('is dropped when it was kept long enough, also by a process that starts later', async () => {
    await expire('T.1.tdc1')
    queue.told()
    const heirs: TdcEvent[] = []
    const heir = queue.keptCopies((event) => void heirs.push(event))
    await sweep(queue.keep.keepAge - 1)
    assert.deepEqual(await mids(), ['T.1.tdc1'])
    heir.holdBounds()
    await sweep(DAY)
    const dropped = { kind: 'kept-dropped', mid: 'T.1.tdc1', why: 'keep_age' }
    assert.deepEqual([...queue.events, ...heirs], [dropped])
    assert.deepEqual(await mids(), [])
  })

  it('of too many the oldest go first, a line for each', async () => {
    queue.keep = { ...queue.keep, keepNumber: 2 }
    for (const i of [1, 2, 3, 4]) await expire(`T.${i}.tdc1`)
    await sweep()
    assert.deepEqual(await mids(), ['T.3.tdc1', 'T.4.tdc1'])
    const dropped = queue.events.filter(({ kind }) => kind === 'kept-dropped')
    assert.deepEqual(dropped, [
      { kind: 'kept-dropped', mid: 'T.1.tdc1', why: 'keep_number' },
      { kind: 'kept-dropped', mid: 'T.2.tdc1', why: 'keep_number' },
    ])
  })

  it('among thousands at one moment: the folder is listed once, not for each', async function () {
    this.timeout(60_000)
    let listed = 0
    const counting: Disk = {
      ...systemDisk,
      visit: (...asked) => {
        listed++
        return systemDisk.visit(...asked)
      },
    }
    const crowd = new TestQueue(counting)
    crowd.keep = { ...crowd.keep, keep: true, keepNumber: 100 }
    for (let i = 0; i < 3_000; i++) crowd.scheduler.schedule(crowd.copy(`T.${i}.tdc1`))
    await crowd.clock.advance(crowd.options.maxAge)
    await crowd.idle()
    assert.equal(crowd.told().filter((kind) => kind === 'kept').length, 3_000)
    assert.equal(listed, 0)
    await crowd.clock.advance(1_000)
    await crowd.idle(100)
    assert.equal(listed, 1)
    assert.equal(crowd.told().filter((kind) => kind === 'kept-dropped').length, 2_900)
    assert.equal((await crowd.kept.list()).length, 100)
    assert.equal(crowd.clock.pending, 1)
    crowd.remove()
  })

  it('is dropped by one of two processes that look at the same time', async () => {
    const names = Array.from({ length: 60 }, (_, i) => `T.${i + 10}.tdc1`)
    await expire(...names)
    await sweep()
    queue.told()
    queue.keep = { ...queue.keep, keepNumber: 20 }
    const told: TdcEvent[][] = [[], []]
    const both = told.map((events) => queue.keptCopies((event) => void events.push(event)))
    for (const process of both) process.holdBounds()
    await sweep()
    const dropped = told.flat().map((event) => 'mid' in event && event.mid)
    assert.deepEqual(dropped.toSorted(), names.slice(0, 40))
    assert.deepEqual(await mids(), names.slice(40))
  })

  describe('while the clock was ahead', () => {
    const HOUR = 3_600_000
    beforeEach(async () => {
      queue.keep = { ...queue.keep, keepAge: 2 * HOUR }
      await expire('T.1.tdc1')
      queue.clock.setWall(queue.clock.wall() - 30 * DAY)
      await sweep()
    })

    it('is dropped when it was seen for long enough', async () => {
      await sweep(HOUR)
      assert.deepEqual(await mids(), ['T.1.tdc1'])
      await sweep(HOUR)
      assert.deepEqual([await mids(), queue.told().at(-1)], [[], 'kept-dropped'])
    })

    it('stays for its own time when it was the clock that was wrong', async () => {
      await sweep(HOUR)
      queue.clock.setWall(queue.clock.wall() + 30 * DAY - 1.5 * HOUR)
      await sweep(HOUR)
      assert.deepEqual(await mids(), ['T.1.tdc1'])
      await sweep(HOUR)
      await sweep(HOUR)
      assert.deepEqual(await mids(), [])
    })

    it('counts for the other bounds as it stands', async () => {
      await expire('T.2.tdc1')
      queue.keep = { ...queue.keep, keepNumber: 1 }
      await sweep()
      assert.deepEqual(await mids(), ['T.1.tdc1'])
    })
  })

  it('that cannot be dropped is tried again within the hour', async () => {
    await expire('T.1.tdc1')
    await sweep()
    queue.told()
    let isReadOnly = true
    const unlink = (path: string) =>
      isReadOnly
        ? Promise.reject(Object.assign(new Error(), { code: 'EROFS' }))
        : systemDisk.unlink(path)
    const stuck = new TestQueue({ ...systemDisk, unlink }, queue.path)
    stuck.keep = { ...queue.keep, keepNumber: 0 }
    stuck.clock.setWall(queue.clock.wall())
    stuck.kept.holdBounds()
    await stuck.clock.advance(0)
    await stuck.idle()
    assert.deepEqual(stuck.told(), ['not-dropped'])
    isReadOnly = false
    await stuck.clock.advance(3_600_000)
    await stuck.idle()
    assert.deepEqual([stuck.told(), await mids()], [['kept-dropped'], []])
  })

  it('is dropped in the end although its folder could not be listed once', async () => {
    await expire('T.1.tdc1')
    await sweep()
    let isExhausted = true
    const visit: Disk['visit'] = (...asked) =>
      isExhausted
        ? Promise.reject(Object.assign(new Error(), { code: 'EMFILE' }))
        : systemDisk.visit(...asked)
    const heir = new TestQueue({ ...systemDisk, visit }, queue.path)
    heir.keep = { ...queue.keep, keepAge: 1_000 }
    heir.clock.setWall(queue.clock.wall() + DAY)
    heir.kept.holdBounds()
    await heir.clock.advance(0)
    await heir.idle()
    isExhausted = false
    await heir.clock.advance(3_600_000)
    await heir.idle()
    assert.deepEqual([heir.told(), await mids()], [['kept-dropped'], []])
  })

  it('is dropped on request, once', async () => {
    await expire('T.1.tdc1')
    const [kept] = await queue.kept.list()
    assert(kept)
    assert.deepEqual([await queue.kept.drop(kept), await queue.kept.drop(kept)], [true, false])
    assert.deepEqual([queue.told().at(-1), await mids()], ['kept-dropped', []])
  })

  it('is told from what else lies in its folder', async () => {
    await expire('T.1.tdc1')
    for (const name of ['README', '1_2_expired_', '1_2_delivered_T.1', 'x_2_expired_T.1']) {
      writeFileSync(queue.directory.keptPath(name), '')
    }
    queue.keep = { ...queue.keep, keepNumber: 1 }
    queue.kept.holdBounds()
    await sweep()
    assert.deepEqual(await mids(), ['T.1.tdc1'])
  })
})

describe('the bounds of what is kept', () => {
  const kept = (...rows: [at: number, bytes: number][]): KeptCopy[] =>
    rows.map(([at, bytes]) => {
      const given = { cause: 'expired', outage: false } as const
      return { ...given, file: `${at}`, mid: `T.${at}`, at, bytes }
    })
  const NOW = 1_000
  const table: [
    string,
    KeptCopy[],
    { keepNumber?: number; keepBytes?: number; keepAge?: number },
    string[],
  ][] = [
    ['none', [], {}, []],
    ['at all bounds', kept([1, 50], [2, 50]), { keepNumber: 2, keepBytes: 100 }, []],
    [
      'too many',
      kept([3, 1], [1, 1], [2, 1]),
      { keepNumber: 1 },
      ['1 keep_number', '2 keep_number'],
    ],
    ['too much', kept([1, 60], [2, 30], [3, 30]), { keepBytes: 60 }, ['1 keep_bytes']],
    ['one that is too long by itself', kept([1, 61]), { keepBytes: 60 }, ['1 keep_bytes']],
    ['too old', kept([900, 1], [899, 1]), { keepAge: 100 }, ['899 keep_age', '900 keep_age']],
    [
      'old and many',
      kept([1, 1], [950, 1], [960, 1]),
      { keepAge: 100, keepNumber: 1 },
      ['1 keep_age', '950 keep_number'],
    ],
  ]
  for (const [story, copies, bounds, expected] of table) {
    it(story, () => {
      const most = { keepNumber: 1e9, keepBytes: 1e9, keepAge: 1e9, ...bounds }
      const bytes = copies.reduce((sum, copy) => sum + copy.bytes, 0)
      const dropped = [...beyondBounds(copies.toSorted(byAge), bytes, most, NOW)]
      assert.deepEqual(
        dropped.map(({ copy, bound }) => `${copy.at} ${bound}`),
        expected,
      )
    })
  }

  it('stand in names that are read as they were written (fuzz)', () => {
    const dice = Dice.thrown('kept names')
    const letters = ['A', 'f', '0', '.', '-', '_', '_expired_']
    for (let round = 0; round < 10_000; round++) {
      const mid = `T${dice.list(12, () => dice.pick(letters)).join('')}`
      const cause = dice.pick(['tls-error', 'hard-bounce', 'expired'] as const)
      const outage = dice.below(2) === 1
      const facts = {
        mid,
        cause,
        outage,
        at: dice.below(2 ** 31) * 1000,
        bytes: dice.below(2 ** 31),
      }
      const file = keptName(facts)
      assert.deepEqual(parseKeptName(file), { file, ...facts })
      parseKeptName(dice.octets(40).toString('latin1'))
    }
  })
})
