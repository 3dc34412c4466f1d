import { setTimeout as sleep } from 'node:timers/promises'
import type { HarakaServer } from '../support/haraka'
import { HTTP_INI, httpPort, open } from '../support/http-client'
import { MX_TRAFFIC } from './courier'
import { type Figure, median } from './figure'
import { Lab } from './lab'
import { processorTime } from './process-figures'

const ROUNDS = 9
const MESSAGES = 1500
/** Milliseconds in which a gateway ends what it has to do when the last message is through. */
const REST = 300
/** Milliseconds that a gateway is looked at without mail. */
const RESTING = 10_000

const UNIT = 'ms/message'

/**
 * The processor time that a Haraka with the plugin needs for a message of 4 KB while somebody looks
 * at the status page, against the same gateway while nobody does.
 */
export function gatewayPage(): Promise<Figure> {
  return Lab.for(async (lab) => {
    const server = await lab.gateway({
      tdc: true,
      sections: { status_page: ['enabled=true'] },
      config: { 'http.ini': HTTP_INI },
    })
    const port = await httpPort(server)
    const [watched, alone]: [number[], number[]] = [[], []]
    for (let round = 0; round <= ROUNDS; round++) {
      // By turns the first: what a round leaves behind is borne by both.
      const order = round % 2 === 0 ? [true, false] : [false, true]
      const costs = new Map<boolean, number>()
      for (const isWatched of order) {
        costs.set(isWatched, await cost(lab, server, isWatched ? port : undefined))
      }
      const [a = NaN, b = NaN] = [costs.get(true), costs.get(false)]
      const name = round === 0 ? 'warm-up' : `round ${round}`
      console.log(`${name}: page open ${a.toFixed(3)}, not ${b.toFixed(3)} ${UNIT}`)
      // The first one is for the compiler.
      if (round === 0) continue
      watched.push(a)
      alone.push(b)
    }
    const [looked, unseen] = [await restingCost(server, port), await restingCost(server)]
    console.log(`without mail: page open ${looked.toFixed(2)}, not ${unseen.toFixed(2)} ms/s`)
    return figure(median(watched), median(alone))
  })
}

/** Milliseconds of processor time in each second without mail. */
async function restingCost(server: HarakaServer, port?: number): Promise<number> {
  const events = port === undefined ? undefined : (await open(port, '/tdc/events')).resume()
  await sleep(REST)
  const before = processorTime(server.pid)
  await sleep(RESTING)
  const spent = processorTime(server.pid) - before
  events?.destroy()
  return (spent / RESTING) * 1000
}

/** With a port: while the events of the page there are taken. */
async function cost(lab: Lab, server: HarakaServer, port?: number): Promise<number> {
  const events = port === undefined ? undefined : (await open(port, '/tdc/events')).resume()
  const before = processorTime(server.pid)
  await lab.bring({ ...MX_TRAFFIC, port: server.port, messages: MESSAGES })
  await lab.drained(server, MESSAGES)
  await sleep(REST)
  const spent = processorTime(server.pid) - before
  events?.destroy()
  return spent / MESSAGES
}

function figure(ours: number, theirs: number): Figure {
  const difference = ours - theirs
  return { case: 'gateway-page', ratio: ours / theirs, ours, theirs, unit: UNIT, difference }
}
