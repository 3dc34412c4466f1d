import type { HarakaServer } from '../support/haraka'
import type { Load, Trip } from './courier'
import { MX_TRAFFIC } from './courier'
import { median } from './figure'
import type { Lab, LabGatewayOptions } from './lab'
import { installed } from './older-build'

/** Gateways that differ in one thing: how they write copies ahead, which build it is, or that they have none. */
export const SIDES = ['log', 'file', 'before', 'bare'] as const
export type SideName = (typeof SIDES)[number]

/** Messages that each has had before anything is measured: V8 goes on optimizing until then. */
const WARM_UP = 5_000
const WARM_UP_CONNECTIONS = 40

/** One gateway of a comparison. */
export interface Side {
  readonly name: SideName
  readonly server: HarakaServer
  /** Brings mail, and waits until all of its copies are delivered. */
  bring(load: Partial<Load>): Promise<Trip>
}

/** Of each side, warm. `before`: the build of the other one, as git knows it. */
export async function warmSides(
  lab: Lab,
  before: string,
  options: Omit<LabGatewayOptions, 'tdc' | 'install'> = {},
): Promise<Side[]> {
  const sides: Side[] = []
  for (const name of SIDES) {
    const server = await lab.gateway({ ...options, ...differing(name, before) })
    const bring = async (given: Partial<Load>) => {
      const load = { ...MX_TRAFFIC, messages: 1, ...given, port: server.port }
      const trip = await lab.bring(load)
      await lab.drained(server, name === 'bare' ? 0 : load.messages)
      return trip
    }
    sides.push({ name, server, bring })
  }
  for (const side of sides) {
    await side.bring({ messages: WARM_UP, connections: WARM_UP_CONNECTIONS })
  }
  return sides
}

function differing(name: SideName, before: string): LabGatewayOptions {
  if (name === 'bare') return { tdc: false }
  if (name === 'before') return { tdc: true, install: installed(before) }
  return { tdc: true, sections: { queue: [`write_ahead=${name}`] } }
}

/** What was measured of each, round by round. */
export type Measured<T> = Readonly<Record<SideName, readonly T[]>>

/** All in turns, and in each round the other way round: what else the machine does hits all. */
export async function inTurns<T>(
  sides: readonly Side[],
  rounds: number,
  one: (side: Side) => Promise<T>,
  shown: (value: T) => string,
): Promise<Measured<T>> {
  const measured: Record<SideName, T[]> = { log: [], file: [], before: [], bare: [] }
  for (let round = 1; round <= rounds; round++) {
    for (const side of round % 2 === 1 ? sides : [...sides].reverse()) {
      measured[side.name].push(await one(side))
    }
    const texts = sides.map(({ name }) => `${name} ${shown(measured[name].at(-1) as T)}`)
    console.log(`round ${round}: ${texts.join(', ')}`)
  }
  return measured
}

/** Ratios are taken round by round: what else the machine does changes from one to the next. */
export function ratio(measured: Measured<number>, over: SideName, under: SideName): number {
  return median(measured[over].map((value, round) => value / (measured[under][round] ?? NaN)))
}

/** The log against each of the others, by median. */
export function ratios(measured: Measured<number>) {
  return {
    ratio: ratio(measured, 'log', 'bare'),
    toFile: ratio(measured, 'log', 'file'),
    toBefore: ratio(measured, 'log', 'before'),
    ours: median(measured.log),
    theirs: median(measured.bare),
  }
}
