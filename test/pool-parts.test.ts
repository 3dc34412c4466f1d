import assert from 'node:assert/strict'
import type { Clock } from '../plugins/tdc/clock'
import { Alarm } from '../plugins/tdc/delivery/alarm'
import { Backoff } from '../plugins/tdc/base/backoff'
import { LearnedLimit } from '../plugins/tdc/delivery/learned-limit'
import { type Place, WaitingLine } from '../plugins/tdc/delivery/waiting-line'
import { FakeClock } from './support/fake-clock'
import { numbersOf } from './support/pool-model'

describe('pool: learned limit', () => {
  const rows: [
    what: string,
    ends: [messages: number, opened: number, now: number][],
    is: number,
  ][] = [
    ['nothing', [], Infinity],
    ['once', [[3, 1, 5]], Infinity],
    ['twice, together', [[3, 1, 5], [3, 2, 6]], Infinity], // prettier-ignore
    ['twice, one after the other', [[3, 1, 5], [3, 6, 8]], 3], // prettier-ignore
    ['together, then another', [[3, 1, 5], [3, 2, 6], [3, 7, 9]], 3], // prettier-ignore
    ['different ones', [[3, 1, 5], [4, 6, 8], [3, 9, 10]], Infinity], // prettier-ignore
    ['a smaller one later', [[3, 1, 2], [3, 3, 4], [2, 5, 6], [2, 7, 8]], 2], // prettier-ignore
    ['a larger one later', [[3, 1, 2], [3, 3, 4], [5, 5, 6], [5, 7, 8]], 3], // prettier-ignore
    ['before the first message', [[0, 1, 2], [0, 3, 4]], Infinity], // prettier-ignore
  ]
  for (const [what, ends, is] of rows) {
    it(`from ${what}: ${is}`, () => {
      const limit = new LearnedLimit(new FakeClock())
      for (const [messages, opened, now] of ends) limit.endedAfter(messages, opened, now)
      assert.equal(limit.messages, is)
    })
  }
})

describe('pool: learned limit, later', () => {
  it('is forgotten after an hour: an intake may have been busy', async () => {
    const clock = new FakeClock()
    const limit = new LearnedLimit(clock)
    limit.endedAfter(1, 1, 2)
    limit.endedAfter(1, 3, 4)
    assert.equal(limit.messages, 1)
    await clock.advance(3_600_001)
    assert.equal(limit.messages, Infinity)
  })
})

describe('pool: back-off', () => {
  it('doubles from 1 s to 4 s, one step of openings once, forgets after the longest pause, and starts anew', () => {
    const backoff = new Backoff(() => 0.5)
    const pauses = [1, 2, 3, 4, 5, 6, 2000].map((_, round) => {
      backoff.failed(round)
      assert.equal(backoff.forgottenAt, round + 5000)
      return backoff.opensAt - round
    })
    assert.deepEqual(pauses, [1000, 2000, 4000, 4000, 4000, 4000, 4000])
    for (let failure = 0; failure < 5000; failure++) backoff.failed(0)
    assert.equal(backoff.opensAt, 4000)
    assert.equal(backoff.failing, true)
    backoff.reset()
    for (let opening = 0; opening < 10; opening++) backoff.failed(10_000 + opening, 9_990)
    assert.equal(backoff.opensAt, 11_009)
    backoff.reset()
    assert.equal(backoff.failing, false)
    backoff.failed(0)
    assert.equal(backoff.opensAt, 1000)
  })
})

describe('pool: alarm', () => {
  it('has one timer, for the moment set last', async () => {
    const clock = new FakeClock()
    const rung: number[] = []
    const alarm = new Alarm(clock, () => rung.push(clock.monotonic()))
    alarm.set(1100)
    alarm.set(1050)
    alarm.set(1050)
    assert.equal(clock.pending, 1)
    await clock.advance(200)
    assert.deepEqual(rung, [1050])
    alarm.set(1300)
    alarm.set(Infinity)
    assert.equal(clock.pending, 0)
    alarm.set(0)
    await clock.advance(0)
    assert.deepEqual(rung, [1050, 1200])
  })

  it('can be set to the same moment again when its timer came too early', () => {
    const timers: (() => void)[] = []
    const clock: Clock = {
      monotonic: () => 10.4,
      wall: () => 0,
      after(ms, then) {
        assert.equal(ms, 1)
        timers.push(then)
        return { cancel: () => assert.fail('nothing to cancel') }
      },
    }
    const alarm = new Alarm(clock, () => alarm.set(11))
    alarm.set(11)
    timers[0]?.()
    assert.equal(timers.length, 2)
  })
})

describe('pool: waiting line', () => {
  it('is what an array with the same steps is', () => {
    const random = numbersOf(20)
    const line = new WaitingLine<number>()
    const places = new Map<number, Place<number>>()
    const array: number[] = []
    for (let step = 0; step < 5000; step++) {
      const lot = random()
      if (lot < 0.4) {
        places.set(step, line.joinAtEnd(step))
        array.push(step)
      } else if (lot < 0.5) {
        places.set(
          step,
          line.joinBefore(step, () => true),
        )
        array.unshift(step)
      } else {
        const index = lot < 0.8 ? 0 : Math.floor(random() * array.length)
        const [value] = array.splice(index, 1)
        const place = places.get(value ?? -1)
        if (place) line.leave(place)
      }
      assert.equal(line.size, array.length)
      assert.equal(line.first, array[0])
      if (step % 50 === 0) assert.deepEqual([...line], array)
    }
  })
})
