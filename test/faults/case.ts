import type { Dice } from '../support/dice'

export interface FaultContext {
  readonly long: boolean
  readonly seed: number
  readonly dice: Dice
  readonly folder: string
  note(text: string): void
}

export interface FaultResult {
  readonly n: number
  readonly violations: readonly string[]
  readonly figures?: Readonly<Record<string, number | string>>
}

export interface FaultCase {
  readonly name: string
  readonly title: string
  readonly needs?: readonly string[]
  run(context: FaultContext): Promise<FaultResult>
}
