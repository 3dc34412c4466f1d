import type { Figure } from './figure'
import { Lab } from './lab'
import { shownWaits, waitsFigure } from './latency'
import { inTurns, ratios, warmSides } from './sides'
import { SLOW_DISK } from './surroundings'

const ROUNDS = 5
const MESSAGES = 1_000
const CONNECTIONS = 100

/** 1,000 mails over 100 connections: how long a client waits from its final dot to the 250. */
export function burst(before: string): Promise<Figure> {
  return Lab.for(async (lab) => {
    const trips = await bursts(lab, before)
    const waits = {
      log: trips.log.map((trip) => trip.waits),
      file: trips.file.map((trip) => trip.waits),
      before: trips.before.map((trip) => trip.waits),
      bare: trips.bare.map((trip) => trip.waits),
    }
    return waitsFigure('burst', waits)
  })
}

/** The same on a disk whose every sync takes 8 ms, with four at a time: messages accepted per second. */
export function slowDisk(before: string): Promise<Figure> {
  return Lab.for(async (lab) => {
    const trips = await bursts(lab, before, SLOW_DISK)
    const rates = {
      log: trips.log.map(rateOf),
      file: trips.file.map(rateOf),
      before: trips.before.map(rateOf),
      bare: trips.bare.map(rateOf),
    }
    return { case: 'slow-disk', ...ratios(rates), unit: 'messages/s' }
  })
}

async function bursts(lab: Lab, before: string, localPlugins: Record<string, string> = {}) {
  const sides = await warmSides(lab, before, { localPlugins })
  const load = { connections: CONNECTIONS, messages: MESSAGES }
  return inTurns(
    sides,
    ROUNDS,
    ({ bring }) => bring(load),
    (trip) => `${rateOf(trip).toFixed()}/s, ${shownWaits(trip.waits)}`,
  )
}

function rateOf({ seconds }: { seconds: number }): number {
  return MESSAGES / seconds
}
