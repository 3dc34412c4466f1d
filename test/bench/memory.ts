import { MX_TRAFFIC } from './courier'
import { type Figure, median } from './figure'
import { Lab } from './lab'
import { memoryOf } from './process-figures'

const ROUNDS = 5
const MESSAGES = 50
const SIZE = 25_000_000

const UNIT = 'MB'
/** Fifty such messages at a time may take longer than the limits that are meant for one. */
const PATIENT = { plugin_timeout: '300\n' }
const SECTIONS = { queue: ['prepare_timeout=60'] }

/**
 * By how much the memory of a Haraka grows, at its peak, over what it has when it is idle, while 50
 * messages of 25 MB come in, all of them there before the first one ends: with the plugin, which copies and delivers them over
 * TLS, against without it. Each round has two new processes, and takes about a minute.
 */
export function memory(): Promise<Figure> {
  return Lab.for(async (lab) => {
    const load = { ...MX_TRAFFIC, size: SIZE, together: true }
    const growth = async (tdc: boolean) => {
      const server = await lab.gateway({ tdc, config: PATIENT, sections: SECTIONS })
      const { port } = server
      await lab.bring({ ...MX_TRAFFIC, port, messages: 1 })
      await lab.drained(server, tdc ? 1 : 0)
      const { now } = memoryOf(server.pid)
      await lab.bring({ ...load, port, messages: MESSAGES, connections: MESSAGES })
      await lab.drained(server, tdc ? MESSAGES : 0)
      const { peak } = memoryOf(server.pid)
      await lab.remove(server)
      return peak - now
    }
    const ours: number[] = []
    const theirs: number[] = []
    for (let round = 1; round <= ROUNDS; round++) {
      const [a, b] = [await growth(true), await growth(false)]
      console.log(`round ${round}: with +${a.toFixed()}, without +${b.toFixed()} ${UNIT}`)
      ours.push(a)
      theirs.push(b)
    }
    return figure(median(ours), median(theirs))
  })
}

function figure(ours: number, theirs: number): Figure {
  const difference = ours - theirs
  return { case: 'memory', ratio: ours / theirs, ours, theirs, unit: UNIT, difference }
}
