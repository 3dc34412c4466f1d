import { setTimeout as sleep } from 'node:timers/promises'
import type { HarakaServer } from '../support/haraka'
import { MX_TRAFFIC } from './courier'
import { type Figure, median } from './figure'
import { Lab } from './lab'
import { processorTime } from './process-figures'

const ROUNDS = 7
const MESSAGES = 600
/** Milliseconds in which a gateway ends what it has to do when the last message is through. */
const REST = 300

const UNIT = 'ms/message'

/**
 * The processor time, of all its threads, that a Haraka needs for a message of 4 KB: with the
 * plugin, until the copy was delivered over TLS and its file removed, against without it.
 */
export function gatewayCpu(): Promise<Figure> {
  return Lab.for(async (lab) => {
    const copying = await lab.gateway({ tdc: true })
    const bare = await lab.gateway({ tdc: false })
    const cost = async (server: HarakaServer, copies: number) => {
      const before = processorTime(server.pid)
      await lab.bring({ ...MX_TRAFFIC, port: server.port, messages: MESSAGES })
      await lab.drained(server, copies)
      await sleep(REST)
      return (processorTime(server.pid) - before) / MESSAGES
    }
    const ours: number[] = []
    const theirs: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const [a, b] = [await cost(copying, MESSAGES), await cost(bare, 0)]
      const name = round === 0 ? 'warm-up' : `round ${round}`
      console.log(`${name}: with ${a.toFixed(2)}, without ${b.toFixed(2)} ${UNIT}`)
      // The first one is for the compiler.
      if (round === 0) continue
      ours.push(a)
      theirs.push(b)
    }
    return figure(median(ours), median(theirs))
  })
}

function figure(ours: number, theirs: number): Figure {
  const difference = ours - theirs
  return { case: 'gateway-cpu', ratio: ours / theirs, ours, theirs, unit: UNIT, difference }
}
