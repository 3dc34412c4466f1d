import { type Figure, percentile } from './figure'
import { Lab } from './lab'
import { type Measured, inTurns, type SideName, warmSides } from './sides'
import { WITHOUT_NAGLE } from './surroundings'

const ROUNDS = 10
const MESSAGES = 50
const PAUSE = 10

const UNIT = 'ms'

/**
 * How long a client waits from its final dot to the 250, one connection after another with a rest
 * between them: with the plugin, which has the copy on disk before the original goes on, against
 * without it. Medians over all messages, and the 99th percentiles.
 */
export function latency(before: string): Promise<Figure> {
  return Lab.for(async (lab) => {
    const sides = await warmSides(lab, before, { localPlugins: WITHOUT_NAGLE })
    const load = { connections: 1, pause: PAUSE, messages: MESSAGES }
    const one = async ({ bring }: (typeof sides)[number]) => (await bring(load)).waits
    return waitsFigure('latency', await inTurns(sides, ROUNDS, one, shownWaits))
  })
}

export function shownWaits(waits: readonly number[]): string {
  const [half, most] = [percentile(waits, 0.5), percentile(waits, 0.99)]
  return `p50 ${half.toFixed(2)}, p99 ${most.toFixed(2)} ${UNIT}`
}

/** Of all rounds together, as they are about single messages. */
export function waitsFigure(name: string, waits: Measured<readonly number[]>): Figure {
  const of = (side: SideName, part: number) => percentile(waits[side].flat(), part)
  const [ours, theirs] = [of('log', 0.5), of('bare', 0.5)]
  return {
    case: name,
    ratio: ours / theirs,
    toFile: ours / of('file', 0.5),
    toBefore: ours / of('before', 0.5),
    ours,
    theirs,
    unit: UNIT,
    difference: ours - theirs,
    p99: of('log', 0.99) - of('bare', 0.99),
  }
}
