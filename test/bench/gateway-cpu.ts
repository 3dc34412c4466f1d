import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from './figure'
import { Lab } from './lab'
import { processorTime } from './process-figures'
import { inTurns, ratios, warmSides } from './sides'

const ROUNDS = 9
const MESSAGES = 400
/** Milliseconds in which a gateway ends what it has to do when the last message is through. */
const REST = 300

const UNIT = 'ms/message'

/**
 * The processor time, of all its threads, that a Haraka needs for a message of 4 KB: with the plugin,
 * until the copy was delivered over TLS, against without it. Needs the repository's history.
 */
export function gatewayCpu(before: string): Promise<Figure> {
  return Lab.for(async (lab) => {
    const sides = await warmSides(lab, before)
    const costs = await inTurns(
      sides,
      ROUNDS,
      async ({ server, bring }) => {
        const start = processorTime(server.pid)
        await bring({ messages: MESSAGES })
        await sleep(REST)
        return (processorTime(server.pid) - start) / MESSAGES
      },
      (cost) => cost.toFixed(2),
    )
    const figures = ratios(costs)
    const difference = figures.ours - figures.theirs
    return { case: 'gateway-cpu', ...figures, unit: UNIT, difference }
  })
}
