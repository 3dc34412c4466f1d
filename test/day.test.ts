import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Day } from '../plugins/tdc/monitor/day'
import type { MinuteFigures } from '../plugins/tdc/monitor/over-time'
import { Days, MOST_INTAKES } from '../plugins/tdc/monitor/days'
import { KeptDay } from '../plugins/tdc/queue/kept-day'
import { systemDisk } from '../plugins/tdc/queue/disk'
import { comesTrue } from './support/comes-true'
import { FIGURES } from './support/status'
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
    const path = join(folder, 'own', 'day.lines')
    const day = new KeptDay(path, systemDisk)
    assert.deepEqual(day.value(NOW), [])
    const rest = { takenAt: NOW, intakes: {}, silent: [] }
    day.noted({ minutes: [minute(1, 5)], ...rest })
    day.noted({ minutes: [minute(1, 6)], ...rest })
    const written = (what: string) => () => existsSync(path) && readFileSync(path, 'utf8') === what
    assert.ok(await comesTrue(written(`[[${NOW - MINUTE},5,0,0]]`), 5_000), 'once a minute')
    writeFileSync(`${path}.new`, 'left by a crash')
    day.noted({ minutes: [minute(1, 6), minute(0, 7)], ...rest })
    const both = `[[${NOW - MINUTE},6,0,0],[${NOW},7,0,0]]`
    assert.ok(await comesTrue(written(both), 5_000))
    assert.deepEqual(new KeptDay(path, systemDisk).value(NOW), [minute(1, 6), minute(0, 7)])
    removeTempDir(folder)
  })
})

describe('the last 24 hours of an intake', () => {
  const figures = (domain: string, delivered: number, hardBounced: number, active = 0) => ({
    [`journal@${domain}`]: { ...FIGURES, domain, delivered, hardBounced, active },
  })
  const looks = (days: Days) => (ago: number, intakes: Parameters<Days['take']>[0]['intakes']) =>
    days.take({ minutes: [minute(ago, 0)], takenAt: NOW - ago * MINUTE, intakes, silent: [] })

  it('are what its figures rose by from look to look', () => {
    const days = new Days('')
    const look = looks(days)
    look(3, figures('a.example', 5, 1))
    look(3, { ...figures('a.example', 7, 1, 4), ...figures('b.example', 1, 0) })
    look(1, figures('a.example', 7, 2))
    look(0, figures('a.example', 7, 2))
    assert.deepEqual(days.value(NOW, 'a.example'), [
      ...[minute(3, 7, 1, 4), minute(1, 0, 1), minute(0, 0)],
    ])
    assert.deepEqual(days.value(NOW, 'b.example')[0], minute(3, 1))
    assert.deepEqual(days.value(NOW, 'c.example'), [])
  })

  it('have nothing twice when a worker is silent for a while, or begins anew', () => {
    const days = new Days('')
    const look = looks(days)
    look(3, figures('a.example', 100, 0))
    const silent = [{ worker: 2, pid: 7 }]
    const intakes = figures('a.example', 40, 0)
    days.take({ minutes: [minute(2, 0)], takenAt: NOW - 2 * MINUTE, intakes, silent })
    look(1, figures('a.example', 101, 0))
    look(0, figures('a.example', 50, 0))
    look(0, figures('a.example', 52, 0))
    assert.deepEqual(
      days.value(NOW, 'a.example').map(({ delivered }) => delivered),
      [100, 0, 1, 2],
    )
  })

  it('go on after a restart; of an intake domain that was invented nothing breaks', () => {
    const days = new Days('')
    looks(days)(2, { ...figures('a.example', 5, 1), ...figures('x\n["y\t', 1, 0) })
    const after = new Days(days.text(NOW))
    looks(after)(0, figures('a.example', 2, 0))
    assert.deepEqual(after.value(NOW, 'a.example'), [minute(2, 5, 1), minute(0, 2)])
  })

  it('are those of ten intakes; one that had nothing for a day makes room', () => {
    const days = new Days('')
    const named = (at: number) => `n${at}.example`
    const all = Array.from({ length: MOST_INTAKES + 5 }, (_, at) => figures(named(at), 1, 0))
    looks(days)(1440, figures('old.example', 1, 0))
    looks(days)(0, Object.assign({}, ...all) as ReturnType<typeof figures>)
    const known = Array.from({ length: MOST_INTAKES + 5 }, (_, at) => days.value(NOW, named(at)))
    assert.equal(known.filter((minutes) => minutes.length > 0).length, MOST_INTAKES)
    assert.equal(days.value(NOW, 'old.example').length, 0)
    assert.equal(days.text(NOW).split('\n').length, 1 + MOST_INTAKES)
  })
})
