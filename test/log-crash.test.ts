import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { systemClock } from '../plugins/tdc/clock'
import type { StoredCopy } from '../plugins/tdc/queue/copy-store'
import { DirectorySync } from '../plugins/tdc/queue/directory-sync'
import { type Disk, systemDisk } from '../plugins/tdc/queue/disk'
import { CopyLog, SEGMENT_ENDING } from '../plugins/tdc/queue/log/copy-log'
import { readSegment, RECORDS_AT } from '../plugins/tdc/queue/log/format'
import { Spool } from '../plugins/tdc/queue/spool'
import { RecordedDisk } from './support/crash-images'
import { Dice } from './support/dice'
import { repairChecksums } from './support/repair-checksums'
import { queueDirectory, TestQueue } from './support/queue'

const POINTS = 500
/** Enough for what is wrong at every other moment. */
const POINTS_OF_CONTROL = 60
const COPIES = 400
const AT_ONCE = 12
/** Octets: full after some 30 copies, so that each is used many times. */
const SEGMENT = RECORDS_AT + 96 * 1024
const LONGEST = 6_000

/** A copy, and the moments at which something was promised of it. */
interface Story {
  readonly content: Buffer
  /** The client heard 250; the end of it began; the client heard a refusal. */
  accepted: number
  ended: number
  refused: number
}

/** What the machine finds when it stopped at a moment, for as many moments as are wanted. */
describe('a machine that stops', function () {
  this.timeout(60_000)
  let queue: TestQueue
  beforeEach(() => (queue = new TestQueue()))
  afterEach(() => queue.remove())

  /** Mails come, `AT_ONCE` at a time: written ahead, then delivered, filed and delivered, or refused. */
  async function load(dice: Dice, tune: (disk: Disk) => Disk = (disk) => disk) {
    const recorded = new RecordedDisk(systemDisk)
    const disk = tune(recorded.disk)
    const directory = queueDirectory(queue.path)
    const newFolder = () => directory.newLogFolder()
    const problems: unknown[] = []
    const report = (event: unknown) => void problems.push(event)
    const log = new CopyLog({ disk, clock: systemClock, report, newFolder, segmentSize: SEGMENT })
    const spool = new Spool(directory, disk, new DirectorySync(disk, queue.path))
    const { signal } = new AbortController()
    const stories: Story[] = []
    const turns = async () => {
      for (let turn = dice.below(4); turn > 0; turn--) await new Promise(setImmediate)
    }
    const one = async (): Promise<void> => {
      const content = randomBytes(500 + dice.below(LONGEST))
      const story = { content, accepted: Infinity, ended: Infinity, refused: Infinity }
      stories.push(story)
      const { name } = directory.newFile()
      const stored: StoredCopy = await log.append({ name, content }, signal)
      const fate = dice.below(4)
      if (fate === 0) {
        story.ended = recorded.tick()
        await log.end(stored, 'durably')
        story.refused = recorded.tick()
        return
      }
      story.accepted = recorded.tick()
      await turns()
      if (fate === 1) {
        await spool.writeWhole(content, signal, directory.fileNamed(name))
        await log.end(stored)
        await turns()
        story.ended = recorded.tick()
        await disk.unlink(directory.pathOf(name))
        return
      }
      story.ended = recorded.tick()
      await log.end(stored)
    }
    let left = COPIES
    const client = async () => {
      while (left-- > 0) await one()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, client))
    await recorded.close()
    return { recorded, stories, problems }
  }

  /** What is wrong with what the next start would send, after stops at so many moments. */
  function violations(
    { recorded, stories }: Awaited<ReturnType<typeof load>>,
    dice: Dice,
    points = POINTS,
    harm: (segment: Buffer) => Buffer = (segment) => segment,
  ): string[] {
    const found: string[] = []
    for (let point = 0; point < points; point++) {
      const moment = 1 + dice.below(recorded.now)
      const image = recorded.imageAt(moment, dice)
      const sent: Buffer[] = []
      for (const [path, bytes] of image) {
        if (path.endsWith('.log'))
          sent.push(...readSegment(harm(bytes)).copies.map((c) => c.content))
        else if (/^\d/.test(basename(path))) sent.push(bytes)
      }
      const hashes = new Set(sent.map((bytes) => bytes.toString('latin1')))
      const known = new Set<string>()
      stories.forEach(({ content, accepted, ended, refused }, number) => {
        const text = content.toString('latin1')
        known.add(text)
        const [is, at] = [hashes.has(text), `copy ${number}, stopped at ${moment}`]
        if (accepted < moment && ended >= moment && !is) found.push(`${at}: no copy of a 250`)
        if (refused < moment && is) found.push(`${at}: a copy of what was refused`)
      })
      for (const text of hashes) if (!known.has(text)) found.push(`at ${moment}: a harmed copy`)
    }
    return found
  }

  it('finds a copy of every 250, and none of what was refused', async () => {
    const dice = Dice.thrown('crash images')
    const run = await load(dice)
    assert.deepEqual(run.problems, [])
    assert.deepEqual(violations(run, dice).slice(0, 5), [])
  })

  it('would not, were a 250 said before the sync is over (control)', async () => {
    const dice = Dice.thrown('crash images')
    const early = (disk: Disk): Disk => ({
      ...disk,
      create: async (path) => {
        const file = await disk.create(path)
        return {
          ...file,
          writeDurably: (parts, at) =>
            path.endsWith(SEGMENT_ENDING) && at > 0
              ? file.write(Buffer.concat(parts), at)
              : file.writeDurably(parts, at),
        }
      },
    })
    const run = await load(dice, early)
    const found = violations(run, dice, POINTS_OF_CONTROL)
    assert.ok(found.some((each) => each.endsWith('no copy of a 250')))
    assert.ok(found.some((each) => each.endsWith('a copy of what was refused')))
  })

  it('would find harmed copies, were the CRC not looked at (control)', async () => {
    const dice = Dice.thrown('crash images')
    const found = violations(await load(dice), dice, POINTS_OF_CONTROL, repairChecksums)
    assert.ok(found.some((each) => each.endsWith('a harmed copy')))
  })
})
