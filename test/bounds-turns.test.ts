import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { inTurns, sortedInTurns } from '../plugins/tdc/base/in-turns'
import type { Outcome } from '../plugins/tdc/smtp/outcome'
import { Tracking } from '../plugins/tdc/monitor/tracking'
import { Adoption } from '../plugins/tdc/queue/adoption'
import { Copy } from '../plugins/tdc/queue/copy'
import { keptName } from '../plugins/tdc/queue/kept-name'
import { LeftBehind } from '../plugins/tdc/queue/left-behind'
import { Loader } from '../plugins/tdc/queue/loader'
import { mostPassedOver } from './support/passed-over'
import { NOTES, ROOMY, TestQueue } from './support/queue'

const COPIES = 3_000
/** Things that a turn may pass over, whatever there is: some slices, with the parts of each. */
const MOST = 2_500

const FAILED: Outcome = {
  kind: 'failed',
  dcid: 7,
  failure: { kind: 'network', details: 'reset', reason: 'connection reset' },
}

describe(`with ${COPIES} copies no turn of the event loop passes over more than ${MOST} things`, function () {
  this.timeout(60_000)
  let queue: TestQueue

  beforeEach(() => {
    queue = new TestQueue()
    queue.maxCopies = Infinity
    queue.clock.setWall(Date.now() + 60_000)
  })
  afterEach(() => queue.remove())

  const report = (): void => {}

  /** Of many intakes, entered over a minute, without their files. */
  function copies(): Copy[] {
    return Array.from({ length: COPIES }, (_, i) => {
      const notes = { ...NOTES, intake: `journal@intake${i % 10}.example` }
      const place = { filename: `${i}`, folder: queue.path, start: 4 }
      return new Copy(`T.${i}.tdc1`, notes, place, queue.clock.monotonic() - i * 10)
    })
  }

  function scheduled(): Copy[] {
    const all = copies()
    for (const copy of all) queue.scheduler.schedule(copy)
    return all
  }

  function waiting(): void {
    for (const copy of scheduled()) queue.courier.answer(FAILED, copy)
  }

  /** Empty files of other names, as they stand in queue directories. */
  function files(folder: string, name: (i: number) => string): void {
    mkdirSync(folder, { recursive: true })
    for (let i = 0; i < COPIES; i++) writeFileSync(`${folder}/${name(i)}`, '')
  }

  function keptFiles(): void {
    const kept = (at: number) =>
      keptName({
        at: (at * 7_919) % COPIES,
        bytes: 9,
        cause: 'expired',
        outage: false,
        mid: `T.${at}.tdc1`,
      })
    files(queue.directory.keptFolder, kept)
  }

  const others = { isRunning: () => false, report }
  const parts = () => ({ ...queue, report, disk: queue.disk, countsDowntime: () => false })

  const WORK: [what: string, before: () => void, work: () => unknown][] = [
    ['flush', waiting, () => queue.commands.flush()],
    ['hold', waiting, () => queue.commands.hold()],
    ['hold of one domain', waiting, () => queue.commands.hold('intake1.example')],
    ['hold of what is with the courier', scheduled, () => queue.commands.hold()],
    ['release', waiting, () => queue.commands.hold().then(() => queue.commands.release())],
    ['the figures', waiting, () => queue.scheduler.stats],
    ['a list', waiting, () => queue.commands.list(COPIES)],
    ['one copy', waiting, () => queue.commands.find('T.77.tdc1')],
    ['a copy that is dropped', waiting, () => queue.commands.drop('T.77.tdc1')],
    ['all retries at once', waiting, () => queue.clock.advance(queue.options.retryDelay)],
    ['all ends of their lives at once', waiting, () => queue.clock.advance(queue.options.maxAge)],
    [
      'the look for copies left behind',
      () => {
        waiting()
        files(queue.path, () => queue.directory.newFile().name)
      },
      () =>
        new LeftBehind({
          ...parts(),
          load: () => Promise.resolve(),
          isOurs: () => true,
        }).look(),
    ],
    ['kept copies, one of them', keptFiles, () => queue.kept.find('T.77.tdc1')],
    ['a replay of some kept copies', keptFiles, () => queue.replay().replay({ since: COPIES })],
    ['a replay of all', keptFiles, () => queue.replay().replay()],
    [
      'the look at the bounds of kept copies',
      keptFiles,
      async () => {
        queue.keep = { ...queue.keep, keepNumber: COPIES - 50, keepAge: 1e15 }
        queue.kept.holdBounds()
        await queue.clock.advance(0)
        await queue.idle(200)
        assert.equal(queue.told().filter((kind) => kind === 'kept-dropped').length, 50)
      },
    ],
    [
      'an adoption',
      () => {
        files(`${queue.path}/other`, () => queue.directory.newFile().name)
        files(`${queue.directory.arrivalsFolder}/x`, (i) => `${i}`)
      },
      () => {
        const loader = new Loader(parts())
        const adoption = new Adoption({
          ...{ ...parts(), ...others, loader, room: ROOMY },
          takeover: queue.takeover(),
        })
        return adoption.adopt(`${queue.path}/other`, false)
      },
    ],
  ]
  for (const [what, before, work] of WORK) {
    it(what, async () => {
      before()
      await queue.idle()
      const most = await mostPassedOver(work)
      assert.ok(most <= MOST, `${most}`)
    })
  }

  it('a search in what is tracked', async () => {
    const tracking = new Tracking(() => COPIES)
    for (let i = 0; i < COPIES; i++) {
      tracking.note({ kind: 'withdrawn', mid: `T${i}.1.tdc1`, why: 'x' }, i, 'NAME')
    }
    const most = await mostPassedOver(() => tracking.find('nobody@customer.example'))
    assert.ok(most <= MOST, `${most}`)
  })

  it('and a pass in one turn would be seen', async () => {
    scheduled()
    const passes: (() => unknown)[] = [
      () => [...queue.scheduler.entries()],
      () => {
        for (const entry of queue.scheduler.entries()) assert.ok(entry)
      },
      () => Array.from({ length: COPIES }, () => 1).filter(Boolean),
      () => new Set(Array.from({ length: COPIES }, (_, i) => i)),
    ]
    for (const pass of passes) assert.ok((await mostPassedOver(pass)) >= COPIES, `${pass}`)
  })
})

describe('what is passed over in turns', () => {
  it('is all there, in its order, with what came meanwhile', async () => {
    const things = new Set(Array.from({ length: 1_200 }, (_, i) => i))
    const seen: number[] = []
    for await (const thing of inTurns(things)) {
      if (seen.push(thing) === 700) things.add(5_000)
    }
    assert.deepEqual(seen, [...things])
  })

  it('is sorted as any sort would, equal ones as they came', async () => {
    for (const count of [0, 1, 249, 250, 251, 4_321]) {
      const things = Array.from({ length: count }, (_, i) => ({ key: (i * 7_919) % 97, i }))
      const order = (a: { key: number }, b: { key: number }) => a.key - b.key
      assert.deepEqual(await sortedInTurns(things, order), things.toSorted(order))
    }
  })
})
