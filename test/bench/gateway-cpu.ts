import { setTimeout as sleep } from 'node:timers/promises'
import type { HarakaServer } from '../support/haraka'
import { MX_TRAFFIC } from './courier'
import { type Figure, median } from './figure'
import { Lab } from './lab'
import { installOld } from './old-build'
import { processorTime } from './process-figures'

/** The first rounds are for the compiler. */
const WARM_UP = 5
const ROUNDS = 9
const MESSAGES = 400
/** Milliseconds in which a gateway ends what it has to do when the last message is through. */
const REST = 300

const UNIT = 'ms/message'

/**
 * The processor time, of all its threads, that a Haraka needs for a message of 4 KB: with the plugin,
 * until the copy was delivered over TLS and its file removed, against without it, and against version
 * 0.2.0 of the plugin. Needs the repository's history.
 */
export function gatewayCpu(): Promise<Figure> {
  return Lab.for(async (lab) => {
    const ours = await lab.gateway({ tdc: true })
    const old = await lab.gateway({ tdc: true, install: installOld })
    const bare = await lab.gateway({ tdc: false })
    const cost = async (server: HarakaServer, copies: number): Promise<number> => {
      const before = processorTime(server.pid)
      await lab.bring({ ...MX_TRAFFIC, port: server.port, messages: MESSAGES })
      await lab.drained(server, copies)
      await sleep(REST)
      return (processorTime(server.pid) - before) / MESSAGES
    }
    const costs: { ours: number; old: number; bare: number }[] = []
    for (let round = 1 - WARM_UP; round <= ROUNDS; round++) {
      const now = {
        ours: await cost(ours, MESSAGES),
        old: await cost(old, MESSAGES),
        bare: await cost(bare, 0),
      }
      const [a, b, c] = [now.ours, now.old, now.bare].map((ms) => ms.toFixed(2))
      const name = round > 0 ? `round ${round}` : 'warm-up'
      console.log(`${name}: with ${a}, with 0.2.0 ${b}, without ${c} ${UNIT}`)
      if (round > 0) costs.push(now)
    }
    return figure(costs)
  })
}

/** Ratios are taken round by round: what else the machine does changes from one to the next. */
function figure(costs: readonly { ours: number; old: number; bare: number }[]): Figure {
  const [ours, theirs] = [
    median(costs.map((each) => each.ours)),
    median(costs.map((each) => each.bare)),
  ]
  return {
    case: 'gateway-cpu',
    ratio: median(costs.map((each) => each.ours / each.bare)),
    ours,
    theirs,
    unit: UNIT,
    difference: ours - theirs,
    before: median(costs.map((each) => each.ours / each.old)),
  }
}
