import { setTimeout as sleep } from 'node:timers/promises'
import { MX_TRAFFIC } from './courier'
import { type Figure, median } from './figure'
import { Lab } from './lab'
import { processorTime } from './process-figures'

/** Messages that each gateway has before those that count. */
const WARM_UP = 2_000
const ROUNDS = 5
const MESSAGES = 400
const CONNECTIONS = 40
/** Milliseconds in which a gateway ends what it has to do when the last message is through. */
const REST = 300

const UNIT = 'ms/message'

/**
 * The processor time, of all its threads, that a Haraka needs for a message of 4 KB with the copies in the
 * log, against a queue file each; `difference` is what a copy costs less.
 */
export function gatewayLog(): Promise<Figure> {
  return Lab.for(async (lab) => {
    const ahead = (way: string) =>
      lab.gateway({ tdc: true, sections: { queue: [`write_ahead=${way}`] } })
    const sides = [
      { name: 'log', server: await ahead('log'), copies: 1, costs: [] as number[] },
      { name: 'file', server: await ahead('file'), copies: 1, costs: [] as number[] },
      { name: 'bare', server: await lab.gateway({ tdc: false }), copies: 0, costs: [] as number[] },
    ]
    for (let round = 0; round <= ROUNDS; round++) {
      const messages = round === 0 ? WARM_UP : MESSAGES
      for (const { name, server, copies, costs } of round % 2 ? sides : [...sides].reverse()) {
        const before = processorTime(server.pid)
        const load = { ...MX_TRAFFIC, connections: CONNECTIONS, port: server.port, messages }
        const { seconds } = await lab.bring(load)
        await lab.drained(server, copies * messages)
        await sleep(REST)
        const cost = (processorTime(server.pid) - before) / messages
        if (round > 0) costs.push(cost)
        const rate = (messages / seconds).toFixed()
        console.log(`round ${round}: ${name} ${cost.toFixed(2)} ${UNIT}, ${rate} messages/s`)
      }
    }
    const ratios = sides[0]?.costs.map((cost, at) => cost / (sides[1]?.costs[at] ?? NaN)) ?? []
    const [ours = NaN, theirs = NaN, bare = NaN] = sides.map(({ costs }) => median(costs))
    console.log(
      `without the plugin ${bare.toFixed(2)}: log ${(ours / bare).toFixed(2)}, file ${(theirs / bare).toFixed(2)}`,
    )
    const difference = theirs - ours
    return { case: 'gateway-log', ratio: median(ratios), ours, theirs, unit: UNIT, difference }
  })
}
