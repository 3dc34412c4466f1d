import assert from 'node:assert/strict'
import { Pool } from '../plugins/tdc/delivery/pool'
import { FakeClock } from './support/fake-clock'
import { FakeSessions, mail, REFUSED } from './support/fake-sessions'
import { numbersOf } from './support/pool-model'

const OUTAGE = 600_000
/** Copies per second. */
const RATE = 50
/** Milliseconds between two moments at which the intake answers. */
const TURN = 100
/** What the owner of a copy does after a failure (spec 5.4): once more, half a minute later. */
const RETRY_DELAY = 30_000
/** The pause between two attempts is 4 s with a jitter of a quarter. */
const SHORTEST_LONG_PAUSE = 3_000
/** While the pause grows to that, and the three connections that were tried at first. */
const FIRST_ATTEMPTS = 8

/** Copies that come all the time, each tried again once, and an intake that is down or up. */
class Outage {
  readonly clock = new FakeClock()
  readonly sessions = new FakeSessions()
  readonly given = { delivered: 0, failed: 0 }
  /** Moments at which connections were begun. */
  readonly begun: number[] = []
  firstDelivery: number | undefined
  private readonly pool: Pool
  private arrived = 0
  private down = true

  constructor(
    seed: number,
    /** How long a failing connection takes. */
    private readonly failsAfter: number,
  ) {
    this.pool = new Pool({
      open: (signal) => {
        this.begun.push(this.clock.monotonic())
        return this.sessions.open(signal)
      },
      clock: this.clock,
      options: () => ({
        minConnections: 3,
        maxConnections: 50,
        messagesPerConnection: 50,
        idleTimeout: 5_000,
      }),
      random: numbersOf(seed),
    })
  }

  come(copies: number): void {
    for (let copy = 0; copy < copies; copy++) this.submit(1)
  }

  /** Copies come at their rate while time passes, a few at each turn. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += TURN) {
      this.come((RATE * TURN) / 1_000)
      this.answer()
      await this.clock.advance(TURN)
    }
  }

  comeBack(): number {
    this.down = false
    return this.clock.monotonic()
  }

  private submit(attempts: number): void {
    this.pool.submit(mail(`m${(this.arrived += 1)}`), ({ kind }) => {
      if (kind === 'delivered') this.firstDelivery ??= this.clock.monotonic()
      if (kind === 'failed' && attempts === 1) {
        this.clock.after(RETRY_DELAY, () => this.submit(2))
      } else this.given[kind === 'delivered' ? 'delivered' : 'failed'] += 1
    })
  }

  private answer(): void {
    if (!this.down) {
      this.sessions.acceptAll()
      for (const flight of this.sessions.flights) flight.deliver()
      return
    }
    for (const attempt of this.sessions.opening) {
      // Not twice: it is answered, even if the answer is still on its way.
      attempt.open = false
      this.clock.after(this.failsAfter, () => attempt.fail(REFUSED))
    }
  }
}

describe('pool: an intake that is down for ten minutes', () => {
  const seed = Number(process.env.TDC_SEED ?? Date.now() % 2 ** 31)

  for (const [how, failsAfter] of [
    ['refuses connections', 0],
    ['is silent, 4 s for each attempt', 4_000],
  ] as const) {
    it(`${how}: one attempt per pause, and the first copy within 5 s of its return`, async () => {
      process.stdout.write(`      TDC_SEED=${seed}\n`)
      const outage = new Outage(seed, failsAfter)
      outage.come(30_000)
      await outage.pass(OUTAGE)
      const attempts = outage.begun.length
      process.stdout.write(`      ${attempts} attempts, ${outage.given.failed} copies given up\n`)
      const most = OUTAGE / SHORTEST_LONG_PAUSE + FIRST_ATTEMPTS
      assert.ok(attempts <= most, `${attempts} attempts, more than ${most}`)
      assert.ok(attempts >= OUTAGE / 5_000, `${attempts} attempts leave longer pauses than 5 s`)
      assert.ok(outage.given.failed > 50_000, 'the copies were waiting')
      const back = outage.comeBack()
      await outage.pass(10_000)
      assert.ok(outage.firstDelivery !== undefined, 'nothing was delivered')
      const after = outage.firstDelivery - back
      // The connection is accepted at one turn, the copy at the next.
      assert.ok(after <= 5_000 + 2 * TURN, `the first delivery came ${after} ms after the return`)
    }).timeout(60_000)
  }

  it('the pauses are not the same for two processes', async () => {
    const [one, other] = [new Outage(seed, 0), new Outage(seed + 1, 0)]
    await Promise.all([one.pass(60_000), other.pass(60_000)])
    assert.notDeepEqual(one.begun, other.begun)
  })
})
