import assert from 'node:assert/strict'
import type { LoadedItem } from '../plugins/tdc/haraka/types'
import { isMid, parseNotes } from '../plugins/tdc/queue/copy-notes'
import { Loader } from '../plugins/tdc/queue/loader'
import { Dice } from './support/dice'
import { NOTES, TestQueue } from './support/queue'

describe('a queue file that Haraka found', () => {
  let queue: TestQueue
  beforeEach(() => (queue = new TestQueue()))
  afterEach(() => queue.remove())

  function loader(countsDowntime = false): Loader {
    const { directory, disk, clock, scheduler, events } = queue
    return new Loader({
      directory,
      disk,
      clock,
      scheduler,
      report: (event) => void events.push(event),
      countsDowntime: () => countsDowntime,
    })
  }

  function item(todo: object = {}): LoadedItem {
    const { place, path } = queue.copy('T.9.tdc1')
    return {
      path,
      filename: place.filename,
      file_size: place.start + NOTES.octets,
      data_start: place.start,
      todo: {
        uuid: 'T.9.tdc1',
        domain: 'the.tdc.queue',
        queue_time: queue.clock.wall(),
        notes: { tdc: NOTES },
        ...todo,
      },
    }
  }

  it('is sent to the intake that it was queued for', async () => {
    await loader().load(item())
    assert.deepEqual([queue.told(), queue.courier.holding], [['loaded'], 1])
  })

  it('is not taken a second time while it is in our hands', async () => {
    const found = item()
    await loader().load(found)
    await loader().load(found)
    assert.deepEqual([queue.told(), queue.courier.submissions], [['loaded'], 1])
  })

  it('has its whole time again: what the gateway was down does not count', async () => {
    await loader().load(item({ queue_time: queue.clock.wall() - 3_600_000 }))
    await queue.clock.advance(119_999)
    assert.deepEqual(queue.told(), ['loaded'])
  })

  it('unless it is to count', async () => {
    await loader(true).load(item({ queue_time: queue.clock.wall() - 119_000 }))
    await queue.clock.advance(1_000)
    await queue.idle()
    assert.deepEqual(queue.told(), ['loaded', 'expired'])
  })

  it('from the future is a clock set back: it counts as new', async () => {
    await loader(true).load(item({ queue_time: queue.clock.wall() + 86_400_000 }))
    await queue.clock.advance(119_999)
    assert.deepEqual(queue.told(), ['loaded'])
  })

  it('with attempts in its name that nobody made gets one attempt', async () => {
    const found = item()
    const name = queue.directory.retryName(found.filename, queue.clock.wall(), 13)
    await loader().load({ ...found, filename: name })
    assert.equal(queue.courier.submissions, 1)
  })

  it('that is not complete is set aside', async () => {
    const found = item()
    await loader().load({ ...found, file_size: found.file_size - 1 })
    const why = 'its message is not complete'
    assert.deepEqual(queue.events, [{ kind: 'damaged', file: found.filename, why }])
  })

  it('that was delivered while Haraka read it is not sent again', async () => {
    const found = item()
    await queue.disk.unlink(found.path)
    await loader().load(found)
    assert.deepEqual([queue.told(), queue.courier.submissions], [[], 0])
  })

  const damaged: [string, object, string][] = [
    ['without a uuid', { uuid: '' }, 'its head has no uuid'],
    ['with a uuid that is none', { uuid: 'x\r\nRCPT TO:<x>' }, 'its head has no uuid'],
    ['without our notes', { notes: {} }, 'its head has no notes.tdc'],
    [
      'of another layout',
      { notes: { tdc: { ...NOTES, v: 2 } } },
      'its notes are of layout 2, not 1',
    ],
    ['without an intake', { notes: { tdc: { ...NOTES, intake: '' } } }, 'its notes name no intake'],
    [
      'with a command in the intake',
      { notes: { tdc: { ...NOTES, intake: 'a@b>\r\nRCPT TO:<x@y' } } },
      'its notes name no intake',
    ],
    ['without a size', { notes: { tdc: { ...NOTES, size: 'x' } } }, 'its notes give no size'],
  ]
  for (const [what, todo, why] of damaged) {
    it(`${what} is set aside, with a line`, async () => {
      const found = item(todo)
      await loader().load(found)
      assert.deepEqual(queue.events, [{ kind: 'damaged', file: found.filename, why }])
      assert.deepEqual(queue.files, [`error.${found.filename}`])
      assert.equal(queue.courier.submissions, 0)
    })
  }

  it('with any notes at all: notes, or a sentence (fuzz)', () => {
    const dice = Dice.thrown('notes')
    const values = [...Object.values(NOTES), null, undefined, [], {}, 1e99, -1, NaN, '@', '\0@x']
    for (let round = 0; round < 10_000; round++) {
      const notes: Record<string, unknown> = { ...NOTES }
      for (const key of Object.keys(NOTES)) if (dice.below(4) === 0) notes[key] = dice.pick(values)
      const parsed = parseNotes(dice.below(50) ? notes : dice.pick(values))
      if (typeof parsed === 'string') continue
      assert.doesNotMatch(parsed.intake + parsed.reversePath, /[\u0000-\u001f<>]/)
      assert.ok(parsed.size >= 0)
    }
  })

  it('knows a MID', () => {
    assert.equal(isMid('4FE7A9C8-591D-4597-A74B-469A610BEF7D.1.tdc1'), true)
    for (const no of ['', 'a b', 'a\nb', 'x'.repeat(129), 7, undefined])
      assert.equal(isMid(no), false)
  })
})
