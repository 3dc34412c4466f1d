import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { Loader } from '../plugins/tdc/queue/loader'
import { LeftBehind } from '../plugins/tdc/queue/left-behind'
import { NOTES, TestQueue } from './support/queue'

describe('copies that Haraka has dropped from its queue', () => {
  let queue: TestQueue

  beforeEach(() => {
    queue = new TestQueue()
    // Haraka names files by the machine's clock; these are overdue.
    queue.clock.setWall(Date.now() + 60_000)
  })
  afterEach(() => queue.remove())

  function start(isOurs = (_pid: number) => true): void {
    const { directory, disk, clock, scheduler } = queue
    const report = (event: (typeof queue.events)[number]) => void queue.events.push(event)
    const deps = { directory, disk, clock, report, scheduler, countsDowntime: () => false }
    const loader = new Loader(deps)
    new LeftBehind({ ...deps, load: (item) => loader.load(item), isOurs }).start()
  }

  /** A complete file that no process has; its name. */
  function file(mid: string): string {
    const { name, path } = queue.directory.newFile()
    const head = queue.directory.head({ mid, intake: NOTES.intake, notes: NOTES })
    writeFileSync(path, Buffer.concat([head, Buffer.alloc(NOTES.octets, 'x')]))
    return name
  }

  async function minute(): Promise<void> {
    await queue.clock.advance(60_000)
    await queue.idle()
  }

  it('are found and sent, once', async () => {
    start()
    file('T.1.tdc1')
    await minute()
    await minute()
    assert.deepEqual(queue.told(), ['loaded'])
    assert.equal(queue.courier.submissions, 1)
  })

  it('are left alone while Haraka may still bring them', async () => {
    start()
    const later = queue.directory.retryName(file('T.1.tdc1'), queue.clock.wall() + 3_600_000, 1)
    const head = queue.directory.head({ mid: 'T.2.tdc1', intake: NOTES.intake, notes: NOTES })
    const [first = ''] = queue.files
    await queue.disk.unlink(queue.directory.pathOf(first))
    writeFileSync(queue.directory.pathOf(later), Buffer.concat([head, Buffer.alloc(100)]))
    await minute()
    assert.deepEqual(queue.told(), [])
  })

  it('are left to the process that they belong to', async () => {
    start((pid) => pid !== process.pid)
    file('T.1.tdc1')
    await minute()
    assert.deepEqual(queue.told(), [])
  })

  it('are not taken from a copy that is here, nor from one that is being written', async () => {
    start()
    queue.scheduler.schedule(queue.copy('T.1.tdc1'))
    queue.scheduler.reserve('T.2.tdc1')
    file('T.2.tdc1')
    await minute()
    assert.deepEqual(queue.told(), [])
    assert.equal(queue.courier.submissions, 1)
  })

  it('a damaged one stops nobody', async () => {
    start()
    writeFileSync(queue.directory.newFile().path, '')
    file('T.1.tdc1')
    await minute()
    assert.deepEqual(queue.told(), ['loaded'])
  })
})
