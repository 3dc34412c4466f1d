import type { Dice } from '../support/dice'

export interface FaultContext {
  /** The figures of a night's run; false: the same in what a run of all cases has time for. */
  readonly long: boolean
  readonly seed: number
  /** Begins anew with the seed in each case. */
  readonly dice: Dice
  /** A fresh temporary folder, which goes after the case. */
  readonly folder: string
  /** Something worth knowing that is not a violation. */
  note(text: string): void
}

export interface FaultResult {
  /** How many times the fault was tried. */
  readonly n: number
  /** What was not as promised, one sentence each. */
  readonly violations: readonly string[]
  readonly figures?: Readonly<Record<string, number | string>>
}

/** A fault, how it is brought about, and what must hold all the same. */
export interface FaultCase {
  readonly name: string
  readonly title: string
  /** Programs it cannot do without; also `root`, and `mounts`: a mount namespace of its own. */
  readonly needs?: readonly string[]
  run(context: FaultContext): Promise<FaultResult>
}
