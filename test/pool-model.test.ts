import assert from 'node:assert/strict'
import { Pool } from '../plugins/tdc/delivery/pool'
import type { PoolDeps } from '../plugins/tdc/delivery/pool-options'
import { PoolModel, numbersOf } from './support/pool-model'

describe('pool: anything in any order', () => {
  // TDC_SEED repeats a run.
  const seed = Number(process.env.TDC_SEED ?? Date.now() % 2 ** 31)
  const lives = Number(process.env.TDC_POOL_LIVES ?? 40)

  async function live(number: number, make?: (deps: PoolDeps) => Pool): Promise<PoolModel> {
    const model = new PoolModel(numbersOf(seed + number), make)
    for (let step = 0; step < 300; step++) await model.step()
    await model.finish()
    return model
  }

  it(`gives every message one outcome and leaves nothing behind`, async () => {
    process.stdout.write(`      ${lives} pools, 300 steps each: TDC_SEED=${seed}\n`)
    const seen = { delivered: 0, failed: 0, aborted: 0, comebacks: 0 }
    for (let number = 0; number < lives; number++) {
      const { outcomes, comebacks } = await live(number)
      seen.delivered += outcomes.delivered
      seen.failed += outcomes.failed
      seen.aborted += outcomes.aborted
      seen.comebacks += comebacks
    }
    process.stdout.write(`      ${JSON.stringify(seen)}\n`)
    for (const [what, times] of Object.entries(seen)) assert.ok(times > 0, what)
  }).timeout(120_000)

  class Forgetful extends Pool {
    private submitted = 0

    override submit(...[message, settle]: Parameters<Pool['submit']>): void {
      this.submitted += 1
      if (this.submitted !== 20) super.submit(message, settle)
    }
  }

  class Eager extends Pool {
    constructor(deps: PoolDeps) {
      super({
        ...deps,
        options: () => ({ ...deps.options(), maxConnections: 30, minConnections: 9 }),
      })
    }
  }

  it('would see a pool that forgets a message', async () => {
    await assert.rejects(
      live(0, (deps) => new Forgetful(deps)),
      /a message is nowhere/,
    )
  })

  it('would see a pool that opens too many connections', async () => {
    await assert.rejects(
      live(0, (deps) => new Eager(deps)),
      /too many connections/,
    )
  })
})
