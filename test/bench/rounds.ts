import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HarakaServer } from '../support/haraka'

/**
 * A plugin that profiles its process from a SIGWINCH to a SIGPWR, and notes when each round of the event
 * loop began: what is between two notes was done in one round.
 */
const SOURCE = `
const { Session } = require('node:inspector')
const { readFileSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const CLOCK = '/proc/self/task/' + process.pid + '/schedstat'
exports.register = function () {
  const session = new Session()
  let [began, used] = [[], []]
  let timer
  let told = 0
  session.connect()
  process.on('SIGWINCH', () => {
    began = []
    used = []
    session.post('Profiler.enable')
    session.post('Profiler.setSamplingInterval', { interval: 500 })
    session.post('Profiler.start')
    timer = setInterval(() => {
      began.push(Number(process.hrtime.bigint() / 1000n))
      // Of this thread: others collect garbage and wait for the disk.
      used.push(Number(readFileSync(CLOCK, 'latin1').split(' ')[0]) / 1000)
    }, 1)
    this.lognotice('ROUNDS BEGIN ' + ++told + ' ')
  })
  process.on('SIGPWR', () => {
    clearInterval(timer)
    session.post('Profiler.stop', (error, { profile }) => {
      writeFileSync(join(process.env.HARAKA, 'rounds.json'), JSON.stringify({ began, used, profile }))
      this.lognotice('ROUNDS END ' + told + ' ')
    })
  })
}
`

export const roundsPlugin = { rounds: SOURCE }

interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string }
    readonly children?: readonly number[]
  }[]
  readonly startTime: number
  readonly samples: readonly number[]
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[]
}

/** Whose time it was: the connector's when it stands anywhere on the stack. */
const PARTS = ['ours', 'collector', 'others'] as const
export type Part = (typeof PARTS)[number]
const IDLE = new Set(['(idle)', '(root)', '(program)'])

/** Milliseconds of processor time of each part in the round in which it had most, and the longest round by the clock. */
export type Rounds = Record<Part, number> & {
  readonly rounds: number
  readonly round: number
  /** What stood at the end of the stack for most of the connector's time, in the round in which it had most. */
  readonly busy: string
}

/** What the process did while `work` went on, for the time number `time`. */
export async function roundsOf(
  server: HarakaServer,
  time: number,
  work: () => Promise<unknown>,
): Promise<Rounds> {
  server.signal('SIGWINCH')
  await server.waitForLine(`ROUNDS BEGIN ${time} `)
  await work()
  server.signal('SIGPWR')
  await server.waitForLine(`ROUNDS END ${time} `, 60_000)
  const text = readFileSync(join(server.dir, 'rounds.json'), 'utf8')
  const { profile, ...noted } = JSON.parse(text) as Noted & { profile: Profile }
  return summed(noted, profile)
}

/** Of each round, in microseconds: when it began, and the processor time that the main thread had had. */
interface Noted {
  readonly began: readonly number[]
  readonly used: readonly number[]
}

function summed({ began, used }: Noted, profile: Profile): Rounds {
  const partOf = parts(profile)
  const nameOf = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame.functionName]))
  const most = { ours: 0, collector: 0, others: 0, rounds: began.length, round: 0, busy: '' }
  let now = { ours: 0, collector: 0, others: 0 }
  let names = new Map<string, number>()
  let [at, round] = [profile.startTime, 0]
  for (const [i, sample] of profile.samples.entries()) {
    const delta = profile.timeDeltas[i] ?? 0
    at += delta
    while (round < began.length && (began[round] ?? 0) < at) {
      // While another process had the processor, nobody here did anything.
      const [clock, had] = [began, used].map((of) => (of[round] ?? 0) - (of[round - 1] ?? 0))
      const share = round > 0 ? Math.min(1, (had ?? 0) / (clock || 1)) : 0
      if ((now.ours / 1000) * share > most.ours) most.busy = longest(names)
      for (const part of PARTS) most[part] = Math.max(most[part], (now[part] / 1000) * share)
      now = { ours: 0, collector: 0, others: 0 }
      names = new Map()
      round++
    }
    const part = partOf.get(sample)
    if (part) now[part] += delta
    const name = nameOf.get(sample) ?? ''
    if (part === 'ours') names.set(name, (names.get(name) ?? 0) + delta)
  }
  for (let i = 1; i < began.length; i++) {
    most.round = Math.max(most.round, ((began[i] ?? 0) - (began[i - 1] ?? 0)) / 1000)
  }
  return most
}

function longest(names: ReadonlyMap<string, number>): string {
  const sorted = [...names].sort(([, a], [, b]) => b - a).slice(0, 4)
  return sorted
    .map(([name, time]) => `${name || 'anonymous'} ${(time / 1000).toFixed(1)}`)
    .join(', ')
}

function parts({ nodes }: Profile): Map<number, Part | undefined> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const part = new Map<number, Part | undefined>()
  const [root] = nodes
  const visit = (id: number, isOurs: boolean): void => {
    const node = byId.get(id)
    if (!node) return
    const { functionName: name, url } = node.callFrame
    const ours = isOurs || /haraka-plugin-tdc|\/dist\/tdc/.test(url)
    if (name === '(garbage collector)') part.set(id, 'collector')
    else if (!IDLE.has(name)) part.set(id, ours ? 'ours' : 'others')
    for (const child of node.children ?? []) visit(child, ours)
  }
  if (root) visit(root.id, false)
  return part
}
