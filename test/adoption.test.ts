import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from '../plugins/tdc/smtp/outcome'
import { Adoption } from '../plugins/tdc/queue/adoption'
import { Copy } from '../plugins/tdc/queue/copy'
import { type Disk, systemDisk } from '../plugins/tdc/queue/disk'
import { Loader } from '../plugins/tdc/queue/loader'
import { readHead } from '../plugins/tdc/queue/queue-file'
import { replayTag } from '../plugins/tdc/queue/replay-mark'
import { crashing } from './support/crashing-disk'
import { makeFifo } from './support/fifo'
import { Gate } from './support/gate'
import { TestQueue } from './support/queue'

const DELIVERED: Outcome = { kind: 'delivered', dcid: 7, response: '250 ok' }
const OLD_FILES = join(__dirname, 'fixtures/queue-0.1.0')
/** A file system of its own on Linux. */
const OTHER_DISK = '/dev/shm'
const MINUTE = 60_000

const ALL = { adopted: 0, refused: 0, left: 0, rest: 0 }

interface Adopter {
  readonly adoption: Adoption
  readonly loader: Loader
}

/** What one process of our server adopts with. */
function adopterOf(
  queue: TestQueue,
  options: { countsDowntime?: boolean; running?: (pid: number) => boolean } = {},
): Adopter {
  const { countsDowntime = false, running = () => false } = options
  const { directory, disk, clock, scheduler, events } = queue
  const report = (event: (typeof events)[number]) => void events.push(event)
  const common = { directory, disk, clock, scheduler, report }
  const loader = new Loader({ ...common, countsDowntime: () => countsDowntime })
  const room = {
    lack: () => Promise.resolve(scheduler.size > queue.maxCopies ? 'no room' : undefined),
  }
  const parts = { ...common, loader, room, takeover: queue.takeover(), isRunning: running }
  return { adoption: new Adoption(parts), loader }
}

describe('adopting the copies of another server', () => {
  let dead: TestQueue
  let ours: TestQueue
  beforeEach(() => {
    dead = new TestQueue()
    ours = new TestQueue()
  })
  afterEach(() => {
    dead.remove()
    ours.remove()
  })

  const adopt = (queue = ours, force = false) => adopterOf(queue).adoption.adopt(dead.path, force)

  const sentBy = ({ courier }: TestQueue) => courier.held.map(({ mid }) => mid)

  async function deliverAll(queue: TestQueue): Promise<void> {
    for (const message of queue.courier.held) queue.courier.answer(DELIVERED, message)
    await queue.idle()
  }

  it('brings each into our queue once, where it is delivered', async () => {
    for (const mid of ['T.1.tdc1', 'T.2.tdc1']) dead.copy(mid)
    assert.deepEqual(await adopt(), { ...ALL, adopted: 2 })
    assert.deepEqual([dead.files, ours.files.length], [[], 2])
    assert.deepEqual(sentBy(ours).sort(), ['T.1.tdc1', 'T.2.tdc1'])
    const told = ours.events.find((event) => 'mid' in event && event.mid === 'T.1.tdc1')
    assert.deepEqual(told, {
      kind: 'adopted',
      mid: 'T.1.tdc1',
      messageId: '<1@sender.example>',
      intake: 'intake@scan.example',
      from: dead.path,
    })
    assert.deepEqual(await adopt(), ALL)
    await deliverAll(ours)
    assert.deepEqual(ours.files, [])
  })

  it('gives the files names of ours: Haraka loads them in this process after a restart', async () => {
    dead.copy()
    const [old = ''] = dead.files
    await adopt()
    const [name = ''] = ours.files
    const [arrival, , attempts, pid, uid] = name.split('_')
    const before = old.split('_')
    assert.deepEqual([arrival, attempts, uid], [before[0], before[2], before[4]])
    assert.equal(pid, String(process.pid))
    assert.equal(ours.directory.isOwnName(name), true)
  })

  it('takes what an earlier version wrote, under names that did not tell', async () => {
    const names = readdirSync(OLD_FILES).filter((name) => /^\d/.test(name))
    for (const name of names) copyFileSync(join(OLD_FILES, name), join(dead.path, name))
    assert.deepEqual(await adopt(), { ...ALL, adopted: 5 })
    assert.deepEqual(
      ours.files.filter((name) => !ours.directory.isOwnName(name)),
      [],
    )
    assert.deepEqual(dead.files, [])
  })

  it('leaves everything else where it is', async () => {
    const { directory } = dead
    const copy = dead.copy()
    const whole = readFileSync(copy.path)
    const text = whole.toString('latin1')
    const ordinary = '1_1_0_1_abcdef_1_host'
    const files: [string, string][] = [
      [ordinary, text.replace('the.tdc.queue', 'the.far.domain')],
      ['2_1_0_1_nohead_1_host', 'nothing'],
      [directory.asideName(copy.place.filename), text],
      [`__tmp__.${copy.place.filename}`, text],
      ['notes.txt', 'hello'],
    ]
    for (const [name, content] of files) writeFileSync(join(dead.path, name), content, 'latin1')
    mkdirSync(join(dead.path, '3_1_0_1_folder_1_host'))
    mkdirSync(directory.keptFolder, { recursive: true })
    writeFileSync(directory.keptPath('1_100_expired_T.9.tdc1'), text, 'latin1')
    assert.deepEqual(await adopt(), { ...ALL, adopted: 1 })
    assert.equal(dead.files.length, files.length + 2)
    for (const [name, content] of files) {
      assert.equal(dead.content(name).toString('latin1'), content, name)
    }
    assert.deepEqual(readdirSync(directory.keptFolder), ['1_100_expired_T.9.tdc1'])
    assert.deepEqual(ours.told(), ['adopted'])
  })

  it('refuses a damaged copy, with a line, and takes the others', async () => {
    const damaged = dead.copy('T.1.tdc1')
    writeFileSync(damaged.path, readFileSync(damaged.path).subarray(0, -1))
    dead.copy('T.2.tdc1')
    assert.deepEqual(await adopt(), { ...ALL, adopted: 1, refused: 1 })
    const told = ours.events.find(({ kind }) => kind === 'not-adopted')
    assert.deepEqual(told, {
      kind: 'not-adopted',
      file: damaged.place.filename,
      why: 'its message is not complete',
    })
    assert.deepEqual(dead.files, [damaged.place.filename])
  })

  it('refuses, with a line, what is no file under a name of ours, and waits for none', async () => {
    const { name: pipe, path } = dead.directory.newFile()
    const { name: link, path: linked } = dead.directory.newFile()
    const elsewhere = dead.copy()
    await systemDisk.rename(elsewhere.path, join(dead.path, 'elsewhere'))
    symlinkSync('elsewhere', linked)
    const fifos = [makeFifo(path), makeFifo(join(dead.path, '3_1_0_1_pipe_1_host'))]
    assert.deepEqual(await adopt(), { ...ALL, refused: 2 })
    const refused = [
      { kind: 'not-adopted', file: pipe, why: 'it is no file (ESPIPE)' },
      { kind: 'not-adopted', file: link, why: 'it is no file (ELOOP)' },
    ]
    const inOrder = (first: { file: string }, second: { file: string }) =>
      first.file < second.file ? -1 : 1
    assert.deepEqual(ours.events, refused.sort(inOrder))
    for (const fifo of fifos) {
      assert.equal(fifo.rescued(), false)
      fifo.remove()
    }
  })

  it('refuses a copy whose MID is in our queue', async () => {
    ours.scheduler.schedule(ours.copy())
    dead.copy()
    assert.deepEqual(await adopt(), { ...ALL, refused: 1 })
    assert.deepEqual([sentBy(ours), dead.files.length], [['T.1.tdc1'], 1])
  })

  describe('what a copy brings along', () => {
    const first = () => {
      const [copy] = ours.courier.held
      assert(copy instanceof Copy)
      return copy
    }

    it('its attempts and the mark of a replay, by its name', async () => {
      const copy = dead.copy()
      const tag = replayTag({ cause: 'expired', givenUpAt: 1, at: ours.clock.wall() })
      const { directory } = dead
      const name = directory.retryName(directory.taggedName(tag), 9e12, 1)
      await systemDisk.rename(copy.path, directory.pathOf(name))
      await adopt()
      assert.equal(first().failedAttempts, 1)
      assert.match(String(await first().content()), /^X-TDC-Replayed: .*; reason=expired;/)
    })

    const ages: [string, boolean, number][] = [
      ['a whole life: time while its server was down does not count', false, 120_000],
      ['what is left of its life with max_age_counts_downtime', true, MINUTE],
    ]
    for (const [what, countsDowntime, left] of ages) {
      it(what, async () => {
        const { queueTime } = (await readHead(systemDisk, dead.copy().path)) as {
          queueTime: number
        }
        ours.clock.setWall(queueTime + MINUTE)
        await adopterOf(ours, { countsDowntime }).adoption.adopt(dead.path, false)
        await ours.clock.advance(left - 1)
        assert.deepEqual(ours.told(), ['adopted'])
        await ours.clock.advance(1)
        await ours.idle()
        assert.deepEqual(ours.told(), ['expired'])
      })
    }
  })

  describe('is refused', () => {
    it('while a process that has files there runs on this machine, unless it is forced', async () => {
      dead.copy()
      const { adoption } = adopterOf(ours, { running: (pid) => pid === process.pid })
      await assert.rejects(adoption.adopt(dead.path, false), /has files of process \d+, which runs/)
      assert.equal(dead.files.length, 1)
      assert.deepEqual(await adoption.adopt(dead.path, true), { ...ALL, adopted: 1 })
    })

    it('not for a process number of another machine', async () => {
      const { place, path } = dead.copy()
      const there = place.filename.replace(/[^_]+$/, 'another.machine')
      await systemDisk.rename(path, dead.directory.pathOf(there))
      const { adoption } = adopterOf(ours, { running: () => true })
      assert.deepEqual(await adoption.adopt(dead.path, false), { ...ALL, adopted: 1 })
    })

    it('for our own queue, for nothing, and for a file', async () => {
      const { place, path } = ours.copy()
      const { adoption } = adopterOf(ours)
      const wrong: [string, RegExp][] = [
        [`${ours.path}/.`, /is the queue directory of this server$/],
        [join(ours.path, 'nothing'), /is no directory that can be read \(ENOENT\)$/],
        [path, /is no directory that can be read \(ENOTDIR\)$/],
      ]
      for (const [path, sentence] of wrong) {
        await assert.rejects(adoption.adopt(path, true), sentence)
      }
      assert.deepEqual(ours.files, [place.filename])
    })

    it('while another one goes on', async () => {
      const gate = new Gate()
      const visit: Disk['visit'] = (...asked) => gate.wait().then(() => systemDisk.visit(...asked))
      const slow = new TestQueue({ ...systemDisk, visit }, ours.path)
      const { adoption } = adopterOf(slow)
      const one = adoption.adopt(dead.path, false)
      await assert.rejects(adoption.adopt(dead.path, false), /is just being adopted$/)
      gate.open()
      assert.deepEqual(await one, ALL)
    })
  })

  it('leaves what our queue has no room for', async () => {
    for (const mid of ['T.1.tdc1', 'T.2.tdc1', 'T.3.tdc1']) dead.copy(mid)
    ours.maxCopies = 2
    assert.deepEqual(await adopt(), { ...ALL, adopted: 2, left: 1 })
    assert.deepEqual([dead.files.length, ours.scheduler.size], [1, 2])
  })

  it('ends after ten seconds and says how much is not looked at', async () => {
    for (const mid of ['T.1.tdc1', 'T.2.tdc1', 'T.3.tdc1']) dead.copy(mid)
    const readStart: Disk['readStart'] = async (path, most) => {
      await ours.clock.advance(6_000)
      return systemDisk.readStart(path, most)
    }
    const slow = new TestQueue({ ...systemDisk, readStart }, ours.path)
    Object.assign(slow, { clock: ours.clock })
    assert.deepEqual(await adopt(slow), { ...ALL, adopted: 2, rest: 1 })
    assert.deepEqual(await adopt(slow), { ...ALL, adopted: 1 })
  })

  /** The rename between two file systems fails. */
  const twoDisks: Disk = {
    ...systemDisk,
    rename: (from, to) =>
      from.startsWith(dead.path) === to.startsWith(dead.path)
        ? systemDisk.rename(from, to)
        : Promise.reject(withCode('EXDEV')),
  }
  const DISKS: [string, Disk][] = [
    ['on one file system', systemDisk],
    ['between two file systems', twoDisks],
  ]

  for (const [where, disk] of DISKS) {
    it(`by two servers at once sends each copy once, ${where}`, async () => {
      await byTwoAtOnce(disk, [undefined, undefined])
    })

    it(`by two processes of one server at once sends each copy once, ${where}`, async () => {
      await byTwoAtOnce(disk, [ours.path, ours.path])
    })

    it(`survives a crash at any moment: each copy is sent once, ${where}`, async () => {
      let moments = 0
      for (let crashed = true; crashed; moments++) {
        for (const done of [false, true]) crashed = await crashAt(moments, done, disk)
      }
      assert.ok(moments > (disk === systemDisk ? 8 : 25), `${moments} moments`)
    })
  }

  /** Both list the directory before either takes a file. */
  async function byTwoAtOnce(disk: Disk, paths: readonly (string | undefined)[]): Promise<void> {
    const mids = Array.from({ length: 50 }, (_, i) => `T.${i}.tdc1`)
    for (const mid of mids) dead.copy(mid)
    const gate = new Gate()
    let listed = 0
    const visit: Disk['visit'] = async (path, seen) => {
      await systemDisk.visit(path, seen)
      if (path === dead.path && ++listed === 2) gate.open()
      await gate.wait()
    }
    const both = paths.map((path) => new TestQueue({ ...disk, visit }, path))
    const results = await Promise.all(both.map((each) => adopt(each)))
    assert.deepEqual(both.flatMap(sentBy).sort(), [...mids].sort())
    assert.equal(
      results.reduce((sum, { adopted }) => sum + adopted, 0),
      mids.length,
    )
    assert.deepEqual([dead.files, results.map(({ refused }) => refused)], [[], [0, 0]])
    for (const each of both) each.remove()
  }

  /** Whether `disk` came to its operation number `moment`: after it, or in place of it, nothing works. */
  async function crashAt(moment: number, done: boolean, disk: Disk): Promise<boolean> {
    const mids = ['T.1.tdc1', 'T.2.tdc1']
    for (const mid of mids) dead.copy(mid)
    const { disk: failing, crashed } = crashing(disk, moment, done)
    await adopt(new TestQueue(failing, ours.path)).catch(() => {})

    const sent: string[] = []
    const restarted = new TestQueue(disk, ours.path)
    await loadAll(restarted)
    sent.push(...sentBy(restarted))
    await deliverAll(restarted)
    await adopt(restarted)
    sent.push(...sentBy(restarted))
    await deliverAll(restarted)
    const when = `${done ? 'after' : 'before'} operation ${moment}`
    assert.deepEqual(sent.sort(), mids, when)
    assert.deepEqual([dead.files, filesBelow(ours.path)], [[], []], when)
    return crashed()
  }

  /** As Haraka does at its start. */
  async function loadAll(queue: TestQueue): Promise<void> {
    for (const filename of queue.files.filter((name) => queue.directory.isQueueName(name))) {
      const path = queue.directory.pathOf(filename)
      const bytes = readFileSync(path)
      const start = 4 + bytes.readUInt32BE(0)
      const todo = JSON.parse(bytes.toString('utf8', 4, start))
      const item = { path, filename, data_start: start, file_size: bytes.length, todo }
      await adopterOf(queue).loader.load(item)
    }
  }

  /** Where one process of our server stands when another one adopts the same directory. */
  const STANDS: [where: string, pausing: (at: Gate) => Disk][] = [
    [
      'is writing it',
      (at) => ({
        ...twoDisks,
        readPart: (...part) => at.wait().then(() => systemDisk.readPart(...part)),
      }),
    ],
    [
      'has written it',
      (at) => ({ ...twoDisks, unlink: (path) => at.wait().then(() => twoDisks.unlink(path)) }),
    ],
    [
      'has removed it from there',
      (at) => ({
        ...twoDisks,
        unlink: (path) => twoDisks.unlink(path).then(() => at.wait()),
      }),
    ],
  ]
  for (const [where, pausing] of STANDS) {
    it(`is sent once when another process of our server ${where}`, async () => {
      const { path } = dead.copy()
      const content = readFileSync(path)
      const gate = new Gate()
      const slow = new TestQueue(pausing(gate), ours.path)
      const first = adopt(slow)
      await gate.reached
      const quick = new TestQueue(twoDisks, ours.path)
      await adopt(quick)
      gate.open()
      await first
      assert.deepEqual([...sentBy(slow), ...sentBy(quick)], ['T.1.tdc1'])
      const [name = ''] = ours.files.filter((file) => ours.directory.isQueueName(file))
      assert.deepEqual(ours.content(name), content)
      assert.deepEqual([dead.files, filesBelow(ours.path)], [[], [name]])
    })
  }

  it('is sent once when another process of our server goes on with it, and both find it gone', async () => {
    dead.copy()
    const [before, after] = [new Gate(), new Gate()]
    const slow = new TestQueue(
      { ...twoDisks, unlink: (path) => before.wait().then(() => twoDisks.unlink(path)) },
      ours.path,
    )
    const other = new TestQueue(
      { ...twoDisks, unlink: (path) => twoDisks.unlink(path).then(() => after.wait()) },
      ours.path,
    )
    const first = adopt(slow)
    await before.reached
    const second = adopt(other)
    await after.reached
    before.open()
    await first
    after.open()
    await second
    assert.deepEqual([...sentBy(slow), ...sentBy(other)], ['T.1.tdc1'])
    assert.deepEqual([dead.files, filesBelow(ours.path).length], [[], 1])
  })

  it('goes on with what was interrupted when the disk is mounted elsewhere now', async () => {
    dead.copy()
    // Where a crash left it when the other directory had another name.
    const [name = ''] = dead.files
    mkdirSync(join(ours.directory.arrivalsFolder, 'elsewhere'), { recursive: true })
    copyFileSync(join(dead.path, name), join(ours.directory.arrivalsFolder, 'elsewhere', name))
    assert.deepEqual(await adopt(new TestQueue(twoDisks, ours.path)), { ...ALL, adopted: 1 })
    assert.deepEqual([dead.files, filesBelow(ours.path).length], [[], 1])
  })

  it('is not stopped by a file that lies among the folders of arrivals', async () => {
    dead.copy()
    mkdirSync(ours.directory.arrivalsFolder, { recursive: true })
    writeFileSync(join(ours.directory.arrivalsFolder, 'stray'), '')
    assert.deepEqual(await adopt(new TestQueue(twoDisks, ours.path)), { ...ALL, adopted: 1 })
  })

  it('takes nothing from a disk that cannot be written to', async () => {
    dead.copy()
    const unlink: Disk['unlink'] = (path) =>
      path.startsWith(dead.path) ? Promise.reject(withCode('EROFS')) : systemDisk.unlink(path)
    const queue = new TestQueue({ ...twoDisks, unlink }, ours.path)
    assert.deepEqual(await adopt(queue), { ...ALL, refused: 1 })
    assert.deepEqual(queue.events, [
      {
        kind: 'not-adopted',
        file: dead.files[0],
        why: 'it cannot be removed where it is (EROFS)',
      },
    ])
    assert.deepEqual([filesBelow(ours.path), queue.scheduler.size], [[], 0])
  })

  it('from a real second file system, octet for octet', async function () {
    const there = existsSync(OTHER_DISK) && statSync(OTHER_DISK).dev !== statSync(ours.path).dev
    if (!there) {
      this.test!.title += ` (skipped: ${OTHER_DISK} is no other file system than ${ours.path})`
      return this.skip()
    }
    const path = mkdtempSync(join(OTHER_DISK, 'tdc-dead-'))
    try {
      const far = new TestQueue(systemDisk, path)
      const names = readdirSync(OLD_FILES).filter((name) => /^\d/.test(name))
      for (const name of names) copyFileSync(join(OLD_FILES, name), join(path, name))
      far.copy('T.1.tdc1')
      const before = far.files.map((name) => far.content(name).toString('latin1')).sort()
      const { adoption } = adopterOf(ours)
      assert.deepEqual(await adoption.adopt(path, false), { ...ALL, adopted: 6 })
      assert.deepEqual(far.files, [])
      const after = ours.files.filter((name) => ours.directory.isQueueName(name))
      assert.deepEqual(after.map((name) => ours.content(name).toString('latin1')).sort(), before)
      for (const name of after) {
        assert.equal(statSync(join(ours.path, name)).mode & 0o777, 0o600)
      }
    } finally {
      rmSync(path, { recursive: true, force: true })
    }
  })
})

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** Names of all files, not of folders. */
function filesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}
