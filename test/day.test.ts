import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Day } from '../plugins/tdc/monitor/day'
import type { MinuteFigures } from '../plugins/tdc/monitor/over-time'
import { KeptDay } from '../plugins/tdc/queue/kept-day'
import { systemDisk } from '../plugins/tdc/queue/disk'
import { comesTrue } from './support/comes-true'
import { makeTempDir, removeTempDir } from './support/temp-dir'

const MINUTE = 60_000
const NOW = 30_000_000 * MINUTE
const minute = (ago: number, delivered: number, failed = 0, depth = 0): MinuteFigures => ({
  ...{ at: NOW - ago * MINUTE, delivered, failed, depth },
})

describe('the last 24 hours', () => {
  it('are what was seen of each minute, the most of it', () => {
    const day = new Day('')
    day.take([minute(2, 5), minute(1, 3, 1, 7)])
    // A worker ended, and what it counted is gone from the sum.
    day.take([minute(2, 2), minute(1, 4, 0, 2), minute(0, 1)])
    assert.deepEqual(day.value(NOW), [minute(2, 5), minute(1, 4, 1, 2), minute(0, 1)])
  })

  it('go on after a restart, also in the minute of it', () => {
    const before = new Day('')
    before.take([minute(3, 10), minute(2, 5, 2, 4)])
    const after = new Day(before.text(NOW))
    after.take([minute(2, 1, 1, 0), minute(0, 9)])
    assert.deepEqual(after.value(NOW), [minute(3, 10), minute(2, 6, 3, 0), minute(0, 9)])
    assert.deepEqual(new Day(after.text(NOW)).value(NOW), after.value(NOW))
  })

  it('are no more than a day, and so is the file', () => {
    const day = new Day('')
    for (let ago = 3_000; ago >= 0; ago--) day.take([minute(ago, 123_456, 7_890, 12_345)])
    assert.equal(day.value(NOW).length, 1440)
    assert.ok(day.text(NOW).length < 60_000, `${day.text(NOW).length}`)
    assert.deepEqual(new Day(day.text(NOW)).value(NOW + 2 * 1440 * MINUTE), [])
  })

  for (const text of ['', 'null', '[[1]', '[[1,2,3]]x', '{"a":1}', '[["a","b"]]', '[1,2]']) {
    it(`begin anew where the file holds ${JSON.stringify(text)}`, () => {
      assert.deepEqual(new Day(text).value(NOW), [])
    })
  }

  it('stand in a file that is replaced whole', async () => {
    const folder = makeTempDir('day')
    const path = join(folder, 'own', 'day.json')
    const day = new KeptDay(path, systemDisk)
    assert.deepEqual(day.value(NOW), [])
    day.noted({ minutes: [minute(1, 5)], takenAt: NOW })
    day.noted({ minutes: [minute(1, 6)], takenAt: NOW })
    const written = (what: string) => () => existsSync(path) && readFileSync(path, 'utf8') === what
    assert.ok(await comesTrue(written(`[[${NOW - MINUTE},5,0,0]]`), 5_000), 'once a minute')
    writeFileSync(`${path}.new`, 'left by a crash')
    day.noted({ minutes: [minute(1, 6), minute(0, 7)], takenAt: NOW })
    const both = `[[${NOW - MINUTE},6,0,0],[${NOW},7,0,0]]`
    assert.ok(await comesTrue(written(both), 5_000))
    assert.deepEqual(new KeptDay(path, systemDisk).value(NOW), [minute(1, 6), minute(0, 7)])
    removeTempDir(folder)
  })
})
