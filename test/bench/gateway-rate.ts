import { performance } from 'node:perf_hooks'
import type { HarakaServer } from '../support/haraka'
import { MX_TRAFFIC } from './courier'
import { type Figure, median } from './figure'
import { Lab } from './lab'

const ROUNDS = 7
const MESSAGES = 2_000
/**
 * So many that the gateway never waits for one: the last packet of an original that Haraka forwards
 * leaves 40 ms after the others (Nagle's algorithm and delayed acknowledgement), with the plugin or
 * without, and ten connections would measure that.
 */
const CONNECTIONS = 80

const UNIT = 'messages/s'

interface Run {
  readonly rate: number
  /** Seconds from the last 250 to the end of the last copy. */
  readonly drain: number
}

/**
 * How many messages of 4 KB a second a Haraka accepts that has as many clients as it can serve: with
 * the plugin, which delivers the copies over TLS meanwhile, against without it. Clients, mailbox and
 * intake share the machine's processors with it.
 */
export function gatewayRate(): Promise<Figure> {
  return Lab.for(async (lab) => {
    const copying = await lab.gateway({ tdc: true })
    const bare = await lab.gateway({ tdc: false })
    const load = { ...MX_TRAFFIC, connections: CONNECTIONS, messages: MESSAGES }
    const run = async (server: HarakaServer, copies: number): Promise<Run> => {
      const { seconds } = await lab.bring({ ...load, port: server.port })
      const start = performance.now()
      await lab.drained(server, copies)
      return { rate: MESSAGES / seconds, drain: (performance.now() - start) / 1000 }
    }
    const ours: Run[] = []
    const theirs: Run[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const [a, b] = [await run(copying, MESSAGES), await run(bare, 0)]
      const name = round === 0 ? 'warm-up' : `round ${round}`
      const drained = `drained in ${a.drain.toFixed(3)} s`
      console.log(
        `${name}: with ${a.rate.toFixed()} (${drained}), without ${b.rate.toFixed()} ${UNIT}`,
      )
      if (round === 0) continue
      ours.push(a)
      theirs.push(b)
    }
    return figure(ours, theirs)
  })
}

function figure(withPlugin: readonly Run[], without: readonly Run[]): Figure {
  const ours = median(withPlugin.map(({ rate }) => rate))
  const theirs = median(without.map(({ rate }) => rate))
  const drain = median(withPlugin.map(({ drain }) => drain))
  return { case: 'gateway-rate', ratio: ours / theirs, ours, theirs, unit: UNIT, drain }
}
