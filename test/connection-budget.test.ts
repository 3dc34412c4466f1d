import assert from 'node:assert/strict'
import { ConnectionBudget } from '../plugins/tdc/delivery/connection-budget'
import { Pool } from '../plugins/tdc/delivery/pool'
import { FakeClock } from './support/fake-clock'
import { FakeSessions, mail } from './support/fake-sessions'
import { numbersOf } from './support/pool-model'

const OUT = { kind: 'network', details: 'descriptors', reason: 'too many open files' } as const

/** Pools of many intakes that share a budget. */
class Gateway {
  readonly clock = new FakeClock()
  readonly budget: ConnectionBudget
  readonly pools: { sessions: FakeSessions; pool: Pool }[] = []
  readonly told: string[] = []
  lines = 0
  mostHeld = 0

  constructor(intakes: number, most: number) {
    this.budget = new ConnectionBudget(
      this.clock,
      () => most,
      () => (this.lines += 1),
    )
    for (let at = 0; at < intakes; at++) {
      const sessions = new FakeSessions()
      const pool = new Pool({
        open: sessions.open,
        clock: this.clock,
        seats: (wake) => this.budget.join(wake),
        options: () => ({
          minConnections: 3,
          maxConnections: 50,
          messagesPerConnection: 50,
          idleTimeout: 5_000,
        }),
        random: numbersOf(at),
      })
      this.pools.push({ sessions, pool })
    }
  }

  submit(intake: number, messages: number): void {
    for (let at = 0; at < messages; at++) {
      this.pools[intake]?.pool.submit(mail(`i${intake}-${at}`), ({ kind }) => {
        this.told.push(`${intake} ${kind}`)
      })
    }
  }

  get held(): number {
    const stats = this.pools.map(({ pool }) => pool.stats)
    return stats.reduce((sum, s) => sum + s.connecting + s.idle + s.busy + s.closing, 0)
  }

  async pass(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 50) {
      this.mostHeld = Math.max(this.mostHeld, this.held)
      for (const { sessions } of this.pools) {
        sessions.acceptAll()
        for (const flight of sessions.flights) flight.deliver()
      }
      await this.clock.advance(50)
    }
  }
}

describe('the connections of all pools', () => {
  it('are no more than the budget has, and all intakes get theirs', async () => {
    const gateway = new Gateway(200, 20)
    for (let intake = 0; intake < 200; intake++) gateway.submit(intake, 2)
    await gateway.pass(5_000)
    assert.equal(gateway.told.length, 400)
    assert.ok(gateway.told.every((words) => words.includes('delivered')))
    assert.equal(gateway.mostHeld, 20)
    await gateway.pass(10_000)
    assert.equal(gateway.held, 0)
  })

  it('go to those that wait, from one that has most of them', async () => {
    const gateway = new Gateway(5, 30)
    gateway.submit(0, 20_000)
    await gateway.pass(2_000)
    assert.equal(gateway.held, 30)
    for (let intake = 1; intake < 5; intake++) gateway.submit(intake, 4_000)
    await gateway.pass(2_000)
    const shares = gateway.pools.map(({ pool: { stats } }) => stats.busy + stats.connecting)
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 2, `shares ${shares.join(', ')}`)
  })

  it('go round where there are fewer than intakes with a long queue', async () => {
    const gateway = new Gateway(10, 2)
    for (let intake = 0; intake < 10; intake++) gateway.submit(intake, 400)
    await gateway.pass(60_000)
    const served = new Set(gateway.told.map((words) => words.split(' ')[0]))
    assert.equal(served.size, 10)
    assert.equal(gateway.mostHeld, 2)
  })

  it('are none for a second when the system has no descriptor left, at no cost to a copy', async () => {
    const gateway = new Gateway(3, 100)
    for (let intake = 0; intake < 3; intake++) gateway.submit(intake, 1)
    for (const { sessions } of gateway.pools)
      for (const attempt of sessions.opening) attempt.fail(OUT)
    await gateway.clock.settle()
    assert.deepEqual([gateway.held, gateway.told.length], [0, 0])
    await gateway.clock.advance(999)
    assert.equal(gateway.held, 0)
    await gateway.pass(300)
    assert.equal(gateway.told.length, 3)
    assert.ok(gateway.lines > 0)
  })

  it('are never lost nor doubled, whatever comes when', async () => {
    const seed = Number(process.env.TDC_SEED ?? Date.now() % 2 ** 31)
    process.stdout.write(`      TDC_SEED=${seed}\n`)
    const random = numbersOf(seed)
    const gateway = new Gateway(12, 7)
    let submitted = 0
    for (let step = 0; step < 600; step++) {
      const many = Math.floor(random() * 4)
      gateway.submit(Math.floor(random() * 12), many)
      submitted += many
      for (const { sessions } of gateway.pools) {
        for (const attempt of sessions.opening) {
          if (random() < 0.3) attempt.accept()
          else if (random() < 0.05) attempt.fail(OUT)
        }
        for (const flight of sessions.flights) if (random() < 0.5) flight.deliver()
      }
      await gateway.clock.advance(Math.floor(random() * 300))
      const standing = gateway.pools.flatMap(({ sessions }) => sessions.standing)
      for (const session of standing) {
        if (session.carries.length === 0 && random() < 0.02) session.hangUp()
      }
      assert.ok(gateway.held <= 7, `${gateway.held} connections`)
    }
    await gateway.pass(120_000)
    assert.equal(gateway.told.length, submitted)
    assert.equal(gateway.held, 0)
  })
})
