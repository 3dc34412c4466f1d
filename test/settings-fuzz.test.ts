import assert from 'node:assert/strict'
import { checkSettings, randomSettings } from './support/random-settings'

const ROUNDS = 3_000

/** Marsaglia's xorshift32: the same seed gives the same files. */
function generator(seed: number): (below: number) => number {
  let state = seed || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

describe('whatever stands in tdc.ini', () => {
  it('is settings or at least one clean sentence, and never throws', () => {
    const seed = Number(process.env['SEED']) || Date.now() % 2 ** 31
    const outcomes = { settings: 0, refused: 0 }
    for (let round = 0; round < ROUNDS; round++) {
      try {
        outcomes[checkSettings(randomSettings(generator(seed + round * 7919)))]++
      } catch (error) {
        throw new Error(`SEED=${seed}, round ${round}`, { cause: error })
      }
    }
    assert(outcomes.settings > 0 && outcomes.refused > 0, `SEED=${seed}: one-sided files`)
  })
})
