import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemDisk, type FreeSpace } from '../plugins/tdc/queue/disk'
import { Room } from '../plugins/tdc/queue/room'
import { FakeClock } from './support/fake-clock'
import { Gate } from './support/gate'
import { makeTempDir } from './support/temp-dir'

/** Milliseconds that a message has for its copies. */
const PATIENCE = 15_000

const MB = 2 ** 20
const LIMITS = { minFreeSpace: 100 * MB, minFreeInodes: 1000, maxCopies: 50 }
const PLENTY: FreeSpace = { bytes: 200 * MB, inodes: 5000 }

interface Case {
  readonly free?: FreeSpace | Error
  readonly limits?: Partial<typeof LIMITS>
  readonly copies?: number
}

describe('room for a further copy', () => {
  function roomOf({ free = PLENTY, limits, copies = 0 }: Case) {
    const clock = new FakeClock()
    const world = { free, asked: 0, clock, before: () => Promise.resolve() }
    const disk = {
      ...systemDisk,
      free: async () => {
        world.asked++
        await world.before()
        if (world.free instanceof Error) throw world.free
        return world.free
      },
    }
    const room = new Room({
      path: '/queue',
      disk,
      clock,
      copies: () => copies,
      limits: () => ({ ...LIMITS, ...limits }),
      patience: () => PATIENCE,
    })
    return { room, world }
  }

  it('tells when nothing can be written to the directory, and when it can again', async () => {
    const path = join(makeTempDir('room'), 'queue')
    const clock = new FakeClock()
    const room = new Room({
      ...{ path, disk: systemDisk, clock, copies: () => 0 },
      ...{ limits: () => LIMITS, patience: () => PATIENCE },
    })
    const trouble = async () => {
      await clock.advance(1_000)
      await room.lack()
      return room.trouble
    }
    assert.equal(await trouble(), 'the queue file or directory is gone (ENOENT)')
    mkdirSync(path)
    assert.equal(await trouble(), null)
  })

  const table: [story: string, given: Case, lack: string | undefined][] = [
    ['enough of everything', {}, undefined],
    ['exactly the floor', { free: { bytes: 100 * MB, inodes: 1000 } }, undefined],
    [
      'too little space',
      { free: { ...PLENTY, bytes: 100 * MB - 1 } },
      '99 MB free on the queue disk, min_free_space is 100 MB',
    ],
    [
      'too few inodes',
      { free: { ...PLENTY, inodes: 999 } },
      '999 free inodes on the queue disk, min_free_inodes is 1000',
    ],
    ['inodes are not counted', { free: { bytes: 200 * MB, inodes: undefined } }, undefined],
    ['the file system does not say', { free: new Error('ENOSYS') }, undefined],
    [
      'both floors are off',
      { free: { bytes: 0, inodes: 0 }, limits: { minFreeSpace: 0, minFreeInodes: 0 } },
      undefined,
    ],
    ['the last copy that may be', { copies: 50 }, undefined],
    ['one copy more', { copies: 51 }, '50 copies are in the queue (max_copies)'],
  ]
  for (const [story, given, lack] of table) {
    it(`${story}: ${lack ?? 'there is room'}`, async () => {
      assert.equal(await roomOf(given).room.lack(), lack)
    })
  }

  it('the file system is asked at most once a second, however many messages come', async () => {
    const { room, world } = roomOf({})
    await Promise.all(Array.from({ length: 1000 }, () => room.lack()))
    assert.equal(world.asked, 1)
    await world.clock.advance(999)
    await room.lack()
    assert.equal(world.asked, 1)
    await world.clock.advance(1)
    world.free = { bytes: 0, inodes: 0 }
    assert.match((await room.lack()) ?? '', /^0 MB free/)
    assert.equal(world.asked, 2)
  })

  describe('on a disk that hangs', () => {
    function hanging() {
      const { room, world } = roomOf({})
      const gate = new Gate()
      world.before = () => gate.wait()
      return { room, world, gate }
    }

    it('is asked for once, whoever comes, and all have the answer when it comes', async () => {
      const { room, world, gate } = hanging()
      const answers: Promise<string | undefined>[] = []
      for (let second = 0; second < 15; second++) {
        answers.push(room.lack())
        await world.clock.advance(1_000)
      }
      assert.equal(world.asked, 1)
      world.free = { bytes: 0, inodes: 0 }
      gate.open()
      for (const answer of await Promise.all(answers)) assert.match(answer ?? '', /^0 MB free/)
      await room.lack()
      assert.equal(world.asked, 2)
    })

    it('there is none when it was asked for as long as a message has', async () => {
      const { room, world, gate } = hanging()
      const first = room.lack()
      await world.clock.advance(PATIENCE)
      assert.equal(await room.lack(), 'the queue disk has not answered for 15 s')
      assert.equal(world.asked, 1)
      gate.open()
      assert.equal(await first, undefined)
      assert.equal(await room.lack(), undefined)
    })
  })

  it('a real file system tells how much is free', async () => {
    const { bytes } = await systemDisk.free(makeTempDir('room'))
    assert.ok(Number.isSafeInteger(bytes) && bytes > 0, String(bytes))
  })
})
