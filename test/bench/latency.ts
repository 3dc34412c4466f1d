import type { HarakaServer } from '../support/haraka'
import { MX_TRAFFIC } from './courier'
import { type Figure, percentile } from './figure'
import { Lab } from './lab'

const ROUNDS = 10
const MESSAGES = 50
const PAUSE = 10

const UNIT = 'ms'

/**
 * How long a client waits from its final dot to the 250, one connection after another with a rest
 * between them: with the plugin, which has the copy on disk before the original goes on, against
 * without it. Medians over all messages, and the 99th percentiles.
 */
export function latency(): Promise<Figure> {
  return Lab.for(async (lab) => {
    const copying = await lab.gateway({ tdc: true })
    const bare = await lab.gateway({ tdc: false })
    const load = { ...MX_TRAFFIC, connections: 1, pause: PAUSE, messages: MESSAGES }
    const run = async (server: HarakaServer, copies: number) => {
      const { waits } = await lab.bring({ ...load, port: server.port })
      await lab.drained(server, copies)
      return waits
    }
    const ours: number[] = []
    const theirs: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const [a, b] = [await run(copying, MESSAGES), await run(bare, 0)]
      const name = round === 0 ? 'warm-up' : `round ${round}`
      console.log(`${name}: with ${shown(a)}, without ${shown(b)}`)
      if (round === 0) continue
      ours.push(...a)
      theirs.push(...b)
    }
    return figure(ours, theirs)
  })
}

function shown(waits: readonly number[]): string {
  const [half, most] = [percentile(waits, 0.5), percentile(waits, 0.99)]
  return `p50 ${half.toFixed(2)}, p99 ${most.toFixed(2)} ${UNIT}`
}

function figure(copying: readonly number[], bare: readonly number[]): Figure {
  const [ours, theirs] = [percentile(copying, 0.5), percentile(bare, 0.5)]
  const p99 = percentile(copying, 0.99) - percentile(bare, 0.99)
  const difference = ours - theirs
  return { case: 'latency', ratio: ours / theirs, ours, theirs, unit: UNIT, difference, p99 }
}
