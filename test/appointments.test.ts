import assert from 'node:assert/strict'
import { type Appointment, Appointments } from '../plugins/tdc/queue/appointments'
import { FakeClock } from './support/fake-clock'
import { numbersOf } from './support/pool-model'

describe('appointments', () => {
  it('are kept at their moment, in order, and not when they were cancelled', async () => {
    const seed = Number(process.env.TDC_SEED ?? Date.now() % 2 ** 31)
    process.stdout.write(`      TDC_SEED=${seed}\n`)
    const random = numbersOf(seed)
    const clock = new FakeClock()
    const kept: [what: number, at: number][] = []
    const appointments = new Appointments<number>(clock, (what) => {
      kept.push([what, clock.monotonic()])
    })
    const made: Appointment<number>[] = []
    const cancelled = new Set<number>()
    for (let what = 0; what < 2_000; what++) {
      made.push(appointments.at(clock.monotonic() + Math.floor(random() * 5_000), what))
      const other = made[Math.floor(random() * made.length)]
      if (other && random() < 0.3) {
        if (other.place >= 0) cancelled.add(other.what)
        appointments.cancel(other)
      }
      if (random() < 0.1) await clock.advance(Math.floor(random() * 50))
    }
    await clock.advance(10_000)
    const expected = made.filter(({ what }) => !cancelled.has(what))
    assert.equal(kept.length, expected.length)
    for (const [what, at] of kept) assert.equal(at, made[what]?.at, `${what}`)
    assert.equal(clock.pending, 0)
  })

  it('are some in each turn, when thousands are due together', async () => {
    const clock = new FakeClock()
    let kept = 0
    const appointments = new Appointments<number>(clock, () => (kept += 1))
    for (let what = 0; what < 5_000; what++) appointments.at(clock.monotonic() + 1_000, what)
    const timers: number[] = []
    const after = clock.after.bind(clock)
    clock.after = (ms, then) => {
      return after(ms, () => {
        const before = kept
        then()
        timers.push(kept - before)
      })
    }
    await clock.advance(1_000)
    assert.equal(kept, 5_000)
    assert.ok(Math.max(...timers) <= 64, `${Math.max(...timers)} in one turn`)
  })
})
