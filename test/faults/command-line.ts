import { parseArgs } from 'node:util'
import type { FaultCase } from './case'

export interface FaultRun {
  readonly cases: readonly FaultCase[]
  readonly long: boolean
  readonly seed: number
  /** The file for all results. */
  readonly out: string | undefined
}

/**
 * `--only R1,R5`, `--control R7-control` (or `all`), `--long`, `--seed N`, `--out FILE`; without the
 * first two every case and every control.
 */
export function faultRun(
  args: readonly string[],
  cases: readonly FaultCase[],
  controls: readonly FaultCase[],
): FaultRun {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      control: { type: 'string' },
      long: { type: 'boolean', default: false },
      seed: { type: 'string' },
      out: { type: 'string' },
    },
  })
  const { only, control, long, seed, out } = values
  const chosen = [
    ...(only === undefined ? [] : pick(cases, only)),
    ...(control === undefined ? [] : pick(controls, control)),
  ]
  return {
    cases: only === undefined && control === undefined ? [...cases, ...controls] : chosen,
    long,
    seed: seed === undefined ? Date.now() % 2 ** 31 : seedOf(seed),
    out,
  }
}

function pick(cases: readonly FaultCase[], names: string): FaultCase[] {
  if (names === 'all') return [...cases]
  return names.split(',').map((name) => {
    const found = cases.find((each) => each.name === name)
    if (found) return found
    throw new Error(`no case ${name}; there are: ${cases.map((each) => each.name).join(', ')}`)
  })
}

function seedOf(text: string): number {
  const seed = Number(text)
  if (Number.isSafeInteger(seed) && seed >= 0) return seed
  throw new Error(`--seed ${text} is not a whole number from 0 on`)
}
