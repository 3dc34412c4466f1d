import { setTimeout as sleep } from 'node:timers/promises'
import { RedisServer, whatIsMissing } from '../cluster/redis-server'
import { MX_TRAFFIC } from './courier'
import { type Figure, median, percentile } from './figure'
import { Lab } from './lab'
import { processorTime } from './process-figures'
import { WITHOUT_NAGLE } from './surroundings'

/** Messages that each gateway has before those that count. */
const WARM_UP = 2_000
const ROUNDS = 5
const MESSAGES = 400
/** Of each round, one after another: how long their clients wait. */
const ALONE = 50
const CONNECTIONS = 40
/** Milliseconds in which a gateway ends what it has to do when the last message is through. */
const REST = 300

const UNIT = 'ms/message'

/**
 * The processor time of a Haraka for a message of 4 KB with its copy in Redis (on this machine, nothing on disk),
 * against a queue file. Printed besides: how much longer a client waits, and commands to Redis for each message.
 */
export async function gatewayRedis(): Promise<Figure | undefined> {
  const missing = whatIsMissing()
  if (missing !== undefined) {
    console.log(missing)
    return undefined
  }
  const redis = await RedisServer.start()
  const figure = Lab.for(async (lab) => {
    const side = async (name: 'redis' | 'local') => {
      const sections = { queue: [`store=${name}`] }
      const options = { tdc: true, sections, localPlugins: WITHOUT_NAGLE }
      const server = await lab.gateway({ ...options, config: { 'redis.ini': redis.ini } })
      return { name, server, costs: [] as number[], waits: [] as number[] }
    }
    const [ours, theirs] = [await side('redis'), await side('local')]
    await ours.server.waitForLine('Threat Defense Connector')
    while ((await redis.command('ZCARD', 'tdc:queue:owners')) === '0') await sleep(REST)
    let commands = 0
    for (let round = 0; round <= ROUNDS; round++) {
      for (const each of round % 2 ? [ours, theirs] : [theirs, ours]) {
        const { name, server, costs, waits } = each
        const bring = async (messages: number, connections: number) => {
          const load = { ...MX_TRAFFIC, port: server.port, messages, connections }
          const trip = await lab.bring(load)
          await lab.drained(server, messages)
          await sleep(REST)
          return trip
        }
        const messages = round === 0 ? WARM_UP : MESSAGES
        const [before, asked] = [processorTime(server.pid), await askedOf(redis)]
        await bring(messages, CONNECTIONS)
        const cost = (processorTime(server.pid) - before) / messages
        const alone = (await bring(ALONE, 1)).waits
        if (round === 0) continue
        costs.push(cost)
        waits.push(...alone)
        if (each === ours) commands += (await askedOf(redis)) - asked
        const half = percentile(alone, 0.5).toFixed(2)
        console.log(`round ${round}: ${name} ${cost.toFixed(2)} ${UNIT}, p50 ${half} ms`)
      }
    }
    const ratio = median(ours.costs.map((cost, at) => cost / (theirs.costs[at] ?? NaN)))
    const [cost, other] = [median(ours.costs), median(theirs.costs)]
    const waits = percentile(ours.waits, 0.5) - percentile(theirs.waits, 0.5)
    const all = ROUNDS * (MESSAGES + ALONE)
    console.log(
      `p50 from final dot to 250: ${waits.toFixed(2)} ms more; ${(commands / all).toFixed(2)} commands a message`,
    )
    return {
      case: 'gateway-redis',
      ratio,
      ours: cost,
      theirs: other,
      unit: UNIT,
      difference: cost - other,
    }
  })
  return figure.finally(() => redis.close())
}

/** Commands that it has had. */
async function askedOf(redis: RedisServer): Promise<number> {
  const stats = await redis.command('INFO', 'stats')
  return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1] ?? NaN)
}
