import assert from 'node:assert/strict'
import { Fleet, type FleetOptions, type FleetResult } from './scale/fleet'

const WORKERS = 100
const BEFORE = 20
const OUTAGE = 60
/** Of the pauses between openings, when they are longest (base/backoff.ts); seconds. */
const PAUSE = 4

const OPTIONS: FleetOptions = {
  seed: 1,
  workers: WORKERS,
  rate: WORKERS,
  intake: { connections: 125, refusal: '421', messages: 10, openTime: 150, sendTime: 60 },
  pool: { minConnections: 1, maxConnections: 1 },
  retryDelay: OUTAGE * 1000,
  before: BEFORE * 1000,
  outage: OUTAGE * 1000,
  after: 30_000,
}

describe('a hundred workers before one intake with a limit of connections', function () {
  this.timeout(60_000)
  let result: FleetResult
  before(async () => {
    result = await new Fleet(OPTIONS).run()
  })

  it('deliver every copy within its age, over an outage of a minute', () => {
    const { copies, delivered, ages, bounced, expired } = result
    assert.ok(copies > WORKERS * BEFORE * 4)
    assert.deepEqual([delivered, bounced, expired], [copies, 0, 0])
    assert.ok((ages.at(-1) ?? 0) < 120_000)
  })

  it('are no herd while it is down: each asks once in a pause, and not all at the same time', () => {
    const { attempts } = result
    assert.ok(Math.max(...attempts) <= WORKERS, 'more than one each in a second')
    const settled = attempts.slice(BEFORE + 20, BEFORE + OUTAGE)
    assert.ok(Math.max(...settled) < WORKERS / 2, settled.join(' '))
    assert.ok(Math.min(...settled) > 0, 'somebody asks in every second')
  })

  it('are no herd when it comes back', () => {
    const back = result.attempts.slice(BEFORE + OUTAGE, BEFORE + OUTAGE + 20)
    assert.ok(Math.max(...back) < WORKERS / 2, back.join(' '))
    assert.ok(result.intake.peak <= OPTIONS.intake.connections)
  })

  it('are kept apart by the jitter: without it they ask in step (control)', async () => {
    const [apart, inStep] = [await unevenness(true), await unevenness(false)]
    assert.ok(apart < 2, `${apart} with it`)
    assert.ok(inStep > 5, `${inStep} without`)
  })

  it('learn after how many messages it ends a connection', () => {
    const { full, tooLong } = result.intake
    assert.ok(full > 10 * WORKERS, `${full} connections came to the limit`)
    assert.ok(tooLong < 3 * WORKERS, `${tooLong} were used beyond it`)
  })

  const connections = WORKERS * 0.8
  for (const [how, refusal, loses] of [
    ['take turns when it says that there are too many connections', '421', false],
    ['lose copies when it only refuses them by TCP (control)', 'tcp', true],
  ] as const) {
    it(`and fewer connections than workers: ${how}`, async () => {
      const intake = { ...OPTIONS.intake, connections, refusal }
      const starved = await new Fleet({ ...OPTIONS, outage: 0, intake }).run()
      assert.equal(starved.intake.peak, connections)
      assert.ok(starved.intake.refused > 0)
      assert.equal(starved.bounced > 0, loses, `${starved.bounced} bounced`)
      assert.equal(starved.delivered + starved.bounced + starved.expired, starved.copies)
      if (!loses) assert.equal(starved.expired, 0)
    })
  }
})

/**
 * How much more is asked in one second of the pause than in another, late in an outage that begins
 * for all at the same moment: each has copies at any time.
 */
async function unevenness(jitter: boolean): Promise<number> {
  const before = 5
  const workers = 50
  const options = {
    ...OPTIONS,
    jitter,
    workers,
    rate: 3 * workers,
    before: before * 1000,
    after: 0,
  }
  const { attempts } = await new Fleet(options).run()
  const sums = new Array<number>(PAUSE).fill(0)
  for (let second = before + 20; second < before + OUTAGE; second++) {
    sums[second % PAUSE] = (sums[second % PAUSE] ?? 0) + (attempts[second] ?? 0)
  }
  return Math.max(...sums) / Math.min(...sums)
}
