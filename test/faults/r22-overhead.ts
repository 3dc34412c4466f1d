import { MX_TRAFFIC } from '../bench/courier'
import { percentile } from '../bench/figure'
import { Lab } from '../bench/lab'
import type { HarakaServer } from '../support/haraka'
import type { FaultCase, FaultContext, FaultResult } from './case'

/**
 * Octets, and how many times longer than without the plugin a client may wait. Of the longer ones a
 * machine with a fast network forwards one in few milliseconds, and writing it is as much again.
 */
const SIZES = [
  { size: 4_096, most: 3 },
  { size: 102_400, most: 8 },
]
/**
 * What is compared: the last packet of a long original that Haraka forwards often leaves 40 ms after
 * the others (Nagle's algorithm and delayed acknowledgement), with the plugin or without, and the
 * median of a short run says no more than how often that was so.
 */
const UNDELAYED = 0.1

export const overhead: FaultCase = {
  name: 'R22',
  title: 'what a client waits longer for its 250, against a gateway without the plugin',
  async run({ long, note }: FaultContext): Promise<FaultResult> {
    const [rounds, messages] = long ? [20, 100] : [1, 20]
    return Lab.for(async (lab) => {
      const copying = await lab.gateway({ tdc: true })
      const bare = await lab.gateway({ tdc: false })
      const violations: string[] = []
      const figures: Record<string, number> = {}
      for (const { size, most } of SIZES) {
        const wait = async (server: HarakaServer, copies: number) => {
          const load = { ...MX_TRAFFIC, connections: 1, pause: 5, size, messages }
          const { waits } = await lab.bring({ ...load, port: server.port })
          await lab.drained(server, copies)
          return waits
        }
        const [ours, theirs]: number[][] = [[], []]
        for (let round = 0; round <= rounds; round++) {
          const [a, b] = [await wait(copying, messages), await wait(bare, 0)]
          // The first one is for the compiler.
          if (round > 0) ours?.push(...a)
          if (round > 0) theirs?.push(...b)
        }
        const ratioAt = (part: number) =>
          percentile(ours ?? [], part) / percentile(theirs ?? [], part)
        const ratio = ratioAt(UNDELAYED)
        figures[`ratio${size}`] = Math.round(ratio * 100) / 100
        figures[`median${size}`] = Math.round(ratioAt(0.5) * 100) / 100
        if (!(ratio <= most)) violations.push(`${size} octets: ${ratio.toFixed(2)} times as long`)
      }
      note(JSON.stringify(figures))
      return { n: rounds * messages * SIZES.length, violations, figures }
    })
  },
}
