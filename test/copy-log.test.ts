import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { CopyRecord } from '../plugins/tdc/queue/copy-store'
import { type Disk, type DiskFile, systemDisk } from '../plugins/tdc/queue/disk'
import { CopyLog, LEASE } from '../plugins/tdc/queue/log/copy-log'
import { readSegment, RECORDS_AT } from '../plugins/tdc/queue/log/format'
import { parseHead, readHead } from '../plugins/tdc/queue/queue-file'
import { crashing } from './support/crashing-disk'
import { Gate } from './support/gate'
import { NOTES, TestQueue } from './support/queue'

/** Octets: full after some twenty copies. */
const SEGMENT = RECORDS_AT + 32 * 1024

type Calls = Partial<Record<'writeDurably' | 'write' | 'create', number>>

describe('the log of copies', () => {
  let queue: TestQueue
  let log: CopyLog
  /** Calls for files, and what fails or waits in them. */
  let calls: Calls
  let before: (call: keyof Calls, path: string) => Promise<void> | void
  const open = new Set<DiskFile>()

  const disk: Disk = {
    ...systemDisk,
    async create(path) {
      await before('create', path)
      const file = await systemDisk.create(path)
      open.add(file)
      const counted =
        <A extends unknown[]>(call: keyof Calls, work: (...args: A) => Promise<void>) =>
        async (...args: A) => {
          calls[call] = (calls[call] ?? 0) + 1
          await before(call, path)
          await work(...args)
        }
      return {
        ...file,
        writeDurably: counted('writeDurably', file.writeDurably),
        write: counted('write', file.write),
      }
    },
  }

  beforeEach(() => {
    queue = new TestQueue(disk)
    calls = {}
    before = () => {}
    log = another()
  })
  afterEach(async () => {
    for (const file of open) await file.close().catch(() => {})
    open.clear()
    queue.remove()
  })

  /** A log as another process has it. */
  function another(): CopyLog {
    const report = (event: (typeof queue.events)[number]) => void queue.events.push(event)
    const newFolder = () => queue.directory.newLogFolder()
    return new CopyLog({ disk, clock: queue.clock, report, newFolder, segmentSize: SEGMENT })
  }

  /** A copy as a queue file has it. */
  function copyOf(mid: string): CopyRecord {
    const { name } = queue.directory.newFile()
    const head = queue.directory.head({ mid, intake: NOTES.intake, notes: NOTES })
    const content = Buffer.concat([head, Buffer.from('x\r\n'.padStart(NOTES.octets, mid))])
    return { name, content }
  }

  const { signal } = new AbortController()
  const add = (mid: string) => log.append(copyOf(mid), signal)
  const addAll = (mids: readonly string[]) => Promise.all(mids.map(add))
  const folders = () => readdirSync(queue.directory.logFolder)
  const mids = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `T.${from + i}.tdc1`)

  /** The MIDs of what a start would find. */
  function left(): string[] {
    const { logFolder } = queue.directory
    return folders()
      .flatMap((folder) =>
        readdirSync(join(logFolder, folder)).map((name) => join(logFolder, folder, name)),
      )
      .flatMap((path) => readSegment(readFileSync(path)).copies)
      .map(({ content }) => parseHead(content.length, content))
      .map((head) => (typeof head === 'string' ? head : head.mid))
      .sort()
  }

  it('has its first segment before the first copy', async () => {
    await log.makeReady()
    assert.equal(folders().length, 1)
    calls = {}
    await add('first')
    assert.deepEqual(calls, { writeDurably: 1 })
  })

  it('all who wait share one write', async () => {
    await add('first')
    calls = {}
    await addAll(mids(0, 16))
    assert.deepEqual(calls, { writeDurably: 1 })
    assert.equal(left().length, 17)
  })

  it('a copy that has ended is not there any more; those that wait for it share a write', async () => {
    const stored = await addAll(mids(0, 8))
    calls = {}
    await Promise.all(stored.slice(1).map((each) => log.end(each, 'durably')))
    assert.deepEqual(left(), ['T.0.tdc1'])
    assert.deepEqual(calls, { writeDurably: 2 })
    calls = {}
    for (const each of stored.slice(0, 1)) await log.end(each)
    assert.deepEqual([left(), calls], [[], { write: 1 }])
  })

  it('uses its segments again, and again', async () => {
    for (let round = 0; round < 40; round++) {
      const stored = await addAll(mids(round * 10, round * 10 + 10))
      await Promise.all(stored.map((each) => log.end(each)))
    }
    const [folder = ''] = folders()
    const files = readdirSync(join(queue.directory.logFolder, folder))
    assert.ok(files.length <= 3, `${files.length} segments`)
    assert.deepEqual(left(), [])
  })

  it('a write that fails: another segment has what waits, the failed one is not tried again', async () => {
    const kept = await add('kept')
    let failed = ''
    before = (call, path) => {
      assert.ok(path !== failed || call === 'write', `${call} of a failed segment`)
      if (call !== 'writeDurably' || failed !== '') return
      failed = path
      throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    const stored = await addAll(mids(0, 4))
    assert.deepEqual(left(), ['T.0.tdc1', 'T.1.tdc1', 'T.2.tdc1', 'T.3.tdc1', 'kept'])
    assert.deepEqual(queue.told(), ['problem'])
    await Promise.all([log.end(kept), ...stored.map((each) => log.end(each, 'durably'))])
    assert.deepEqual(left(), [])
    const files = folders().flatMap((folder) =>
      readdirSync(join(queue.directory.logFolder, folder)),
    )
    assert.ok(files.every((name) => !failed.endsWith(name)))
  })

  it('a disk on which no segment works says why, and has no copy', async () => {
    before = (call) => {
      if (call === 'writeDurably') throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    const results = await Promise.allSettled(mids(0, 3).map(add))
    assert.deepEqual([...new Set(results.map(({ status }) => status))], ['rejected'])
    while (left().length > 0) await queue.idle()
  })

  it('a disk that hangs: who gave up meanwhile is not written', async () => {
    await add('first')
    const gate = new Gate()
    before = (call) => (call === 'writeDurably' ? gate.wait() : undefined)
    const one = add('one')
    await gate.reached
    const giveUp = new AbortController()
    const given = log.append(copyOf('given up'), giveUp.signal)
    const other = add('other')
    giveUp.abort(new Error('too late'))
    gate.open()
    await assert.rejects(given, /too late/)
    await Promise.all([one, other])
    assert.deepEqual(left(), ['first', 'one', 'other'])
  })

  it('another process renames the folder: what is written behind the lease is written elsewhere', async () => {
    await add('before')
    const [folder = ''] = folders()
    const { logFolder } = queue.directory
    renameSync(join(logFolder, folder), join(logFolder, `free.${folder}`))
    await add('within')
    before = (call) => {
      if (call === 'writeDurably') void queue.clock.advance(LEASE)
      before = () => {}
    }
    await add('behind')
    await add('later')
    assert.equal(folders().length, 2)
    const takeover = queue.takeover()
    const brought: string[] = []
    await takeover.takeFree((_, { mid }) => void brought.push(mid))
    assert.deepEqual(brought.filter((mid) => mid !== 'behind').sort(), ['before', 'within'])
    assert.deepEqual(left(), ['behind', 'later'])
  })

  it('the process ends: what has ended is noted; an empty log leaves nothing', async () => {
    const [one, two] = await addAll(['one', 'two'])
    assert(one && two)
    log.endNow([one])
    assert.deepEqual(left(), ['two'])
    log.endNow([two])
    assert.deepEqual(folders(), [])
  })

  describe('taken over', () => {
    it('by exactly one: each copy has its queue file once, under its unique name', async () => {
      await addAll(mids(0, 30))
      const pid = process.pid
      const [one, two] = [queue.takeover(), queue.takeover()]
      one.free(pid)
      while (!folders()[0]?.startsWith('free.')) await queue.idle()
      const brought: string[] = []
      const bring = (_: string, { mid }: { mid: string }) => void brought.push(mid)
      await Promise.all([one.takeFree(bring), two.takeFree(bring)])
      assert.deepEqual(brought.sort(), mids(0, 30).sort())
      assert.equal(queue.files.filter((name) => /^\d/.test(name)).length, 30)
      assert.deepEqual(folders(), [])
    })

    it('a copy that had its queue file is not made twice, nor one that this process has', async () => {
      const [one, two] = [copyOf('one'), copyOf('two')]
      for (const each of [one, two]) await log.append(each, signal)
      await queue.takeover().takeAll(undefined, signal)
      assert.equal(queue.files.length, 3)
      log = another()
      for (const each of [one, two]) await log.append(each, signal)
      await queue.takeover().takeAll(undefined, signal)
      assert.equal(queue.files.length, 3)
      assert.deepEqual(folders(), [])
    })

    it('its own log stays', async () => {
      await add('one')
      await queue.takeover().takeAll(log.ownName, signal)
      assert.deepEqual(left(), ['one'])
    })

    it('what is no log stays where it is, without a line', async () => {
      await addAll(['one'])
      const names = ['error.tdc-trial.7', 'backup', 'free.x']
      for (const name of names) mkdirSync(join(queue.directory.logFolder, name))
      const takeover = queue.takeover()
      await takeover.takeAll(undefined, signal)
      await takeover.takeFree(() => {})
      assert.deepEqual(folders().sort(), [...names].sort())
      assert.deepEqual([queue.told(), left()], [[], []])
    })

    it('a damaged segment is set aside with a line, its sound records are used', async () => {
      await addAll(['one', 'two', 'three'])
      const [folder = ''] = folders()
      const path = join(queue.directory.logFolder, folder, '1.log')
      const bytes = readFileSync(path)
      bytes[bytes.indexOf('two')] = 0
      writeFileSync(path, bytes)
      await queue.takeover().takeAll(undefined, signal)
      const aside = queue.files.filter((name) => name.startsWith('error.tdc.'))
      assert.equal(aside.length, 1, queue.files.join())
      assert.equal(queue.files.filter((name) => /^\d/.test(name)).length, 2)
      assert.deepEqual(queue.told(), ['damaged'])
    })

    /** What stands in place of a segment. */
    const NO_SEGMENTS: Readonly<Record<string, (path: string) => void>> = {
      'a folder': (path) => mkdirSync(path),
      'a link': (path) => symlinkSync('/dev/zero', path),
      'a named pipe': (path) => void execFileSync('mkfifo', [path]),
    }
    for (const [what, put] of Object.entries(NO_SEGMENTS)) {
      it(`${what} in place of a segment is set aside, and keeps no other back`, async () => {
        await addAll(mids(0, 10))
        const [folder = ''] = folders()
        put(join(queue.directory.logFolder, folder, '99.log'))
        const brought = await broughtBy(queue)
        assert.deepEqual(brought, mids(0, 10).sort())
        assert.deepEqual([folders(), queue.told()], [[], ['damaged']])
        assert.equal(queue.files.filter((name) => name.endsWith('.99.log')).length, 1)
      })
    }

    it('a segment that cannot be read keeps no other back, and is tried again', async () => {
      await addAll(mids(0, 60))
      let isBroken = true
      const readPart: Disk['readPart'] = (path, ...part) =>
        isBroken && path.endsWith('/1.log')
          ? Promise.reject(Object.assign(new Error(), { code: 'EIO' }))
          : disk.readPart(path, ...part)
      const broken = new TestQueue({ ...disk, readPart }, queue.path)
      const first = await broughtBy(broken)
      assert.ok(first.length > 0 && first.length < 60, `${first.length} copies`)
      assert.deepEqual(broken.told(), ['problem'])
      isBroken = false
      assert.deepEqual([...first, ...(await broughtBy(broken))].sort(), mids(0, 60).sort())
      assert.deepEqual([folders(), broken.told()], [[], []])
    })

    it('a log that cannot be removed: its copies go on, once', async () => {
      await addAll(mids(0, 10))
      const unlink = () => Promise.reject(Object.assign(new Error(), { code: 'EIO' }))
      const stuck = new TestQueue({ ...disk, unlink }, queue.path)
      const takeover = stuck.takeover()
      assert.deepEqual(await broughtBy(stuck, takeover), mids(0, 10).sort())
      assert.deepEqual(await broughtBy(stuck, takeover), [])
    })

    it('a start that has no more time: each copy has its file, or is free for a worker', async () => {
      await addAll(mids(0, 40))
      const late = new AbortController()
      let written = 0
      const slow = new TestQueue(
        {
          ...disk,
          create: (path) => {
            if (++written > 10) late.abort(new Error('no time'))
            return disk.create(path)
          },
        },
        queue.path,
      )
      await slow.takeover().takeAll(undefined, late.signal)
      const filed = queue.files.filter((name) => /^\d/.test(name)).length
      assert.ok(filed > 10 && filed < 20, `${filed} files`)
      const brought: string[] = []
      await queue.takeover().takeFree((_, { mid }) => void brought.push(mid))
      assert.equal(brought.length, 40 - filed)
      assert.deepEqual([folders(), slow.told(), queue.told()], [[], ['problem'], []])
    })

    /** MIDs. */
    async function broughtBy(by: TestQueue, takeover = by.takeover()): Promise<string[]> {
      takeover.free(process.pid)
      while (!folders()[0]?.startsWith('free.')) await queue.idle()
      const brought: string[] = []
      await takeover.takeFree((_, { mid }) => void brought.push(mid))
      return brought.sort()
    }

    for (const who of ['a start', 'a worker'] as const) {
      it(`survives that ${who} is killed over it at any moment: each copy has its file once`, async () => {
        let moments = 0
        for (let crashed = true; crashed; moments++) {
          crashed = await killedAt(moments, who === 'a worker')
        }
        assert.ok(moments > 20, `${moments} moments`)
      })
    }

    /** Whether the one that is killed came to its operation number `moment`, behind which nothing works. */
    async function killedAt(moment: number, isWorker: boolean): Promise<boolean> {
      log = another()
      await addAll(mids(0, 2))
      const { disk: failing, crashed } = crashing(disk, moment, true)
      const killed = new TestQueue(failing, queue.path)
      // Another number, as that of the process which has ended is free.
      const [pid, next] = [process.pid + 1, queue.takeover()]
      if (isWorker) {
        next.free(process.pid)
        while (!folders()[0]?.startsWith('free.')) await queue.idle()
        await killed.takeover(pid).takeFree(() => {})
        next.free(pid)
        while (folders()[0]?.startsWith(`${pid}.`)) await queue.idle()
        await next.takeFree(() => {})
      } else {
        await killed.takeover(pid).takeAll(undefined, signal)
        await next.takeAll(undefined, signal)
      }
      const files = queue.files.filter((name) => queue.directory.isQueueName(name))
      const heads = await Promise.all(
        files.map((name) => readHead(disk, queue.directory.pathOf(name))),
      )
      const found = heads.map((head) => (typeof head === 'string' ? head : head.mid))
      assert.deepEqual([found.sort(), folders()], [mids(0, 2), []], `after operation ${moment}`)
      for (const name of files) rmSync(queue.directory.pathOf(name))
      return crashed()
    }

    it('a disk that fails then: all is tried again, and nothing comes twice', async () => {
      await addAll(mids(0, 10))
      let written = 0
      const full = new TestQueue(
        {
          ...disk,
          create: (path) =>
            ++written > 4
              ? Promise.reject(Object.assign(new Error(), { code: 'ENOSPC' }))
              : disk.create(path),
        },
        queue.path,
      )
      const takeover = full.takeover()
      const brought: string[] = []
      const bring = (_: string, { mid }: { mid: string }) => void brought.push(mid)
      await takeover.takeFree(bring)
      takeover.free(process.pid)
      while (!folders()[0]?.startsWith('free.')) await queue.idle()
      await takeover.takeFree(bring)
      assert.equal(brought.length, 4)
      assert.deepEqual(full.told(), ['problem'])
      written = -100
      await takeover.takeFree(bring)
      assert.deepEqual(brought.sort(), mids(0, 10).sort())
    })
  })
})
