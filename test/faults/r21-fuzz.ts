import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Dice } from '../support/dice'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { FUZZ_TARGETS, type FuzzTarget } from './fuzz-targets'

/** `TARGET-WHAT.bin`: octets for which something did not hold once. */
const CORPUS = join(__dirname, 'corpus')

/** Violations of one target after which it is left alone. */
const ENOUGH = 5

export const fuzz: FaultCase = {
  name: 'R21',
  title: 'arbitrary octets as replies, messages, queue files and settings',
  run({ long, seed, note }: FaultContext): Promise<FaultResult> {
    const rounds = long ? 1_000_000 : 10_000
    const kept = readdirSync(CORPUS).filter((name) => name.endsWith('.bin'))
    const violations = FUZZ_TARGETS.flatMap((target) => {
      const mine = kept.filter((name) => name.startsWith(`${target.name}-`))
      return [...mine.flatMap((name) => again(target, name)), ...fuzzed(target, rounds, seed)]
    })
    note(`${kept.length} of the corpus`)
    const n = rounds * FUZZ_TARGETS.length + kept.length
    return Promise.resolve({ n, violations, figures: { rounds, corpus: kept.length } })
  },
}

function again(target: FuzzTarget, name: string): string[] {
  const checked = tried(target, readFileSync(join(CORPUS, name)), 0)
  return checked.kind === 'failed' ? [`${name}: ${checked.why}`] : []
}

function fuzzed(target: FuzzTarget, rounds: number, seed: number): string[] {
  const violations: string[] = []
  const missing = new Set(target.outcomes)
  for (let round = 0; round < rounds && violations.length < ENOUGH; round++) {
    const octets = target.make(new Dice(seed + round))
    const checked = tried(target, octets, seed + round)
    if (checked.kind === 'held') missing.delete(checked.outcome)
    else violations.push(`${target.name}: ${checked.why}: ${octets.toString('base64')}`)
  }
  const never = [...missing].map((outcome) => `${target.name}: never ${outcome}`)
  return [...violations, ...never]
}

type Checked = { kind: 'held'; outcome: string } | { kind: 'failed'; why: string }

function tried(target: FuzzTarget, octets: Buffer, seed: number): Checked {
  try {
    return { kind: 'held', outcome: target.check(octets, new Dice(seed)) }
  } catch (error) {
    return { kind: 'failed', why: error instanceof Error ? error.message : String(error) }
  }
}
