import { createServer, type AddressInfo, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HarakaServer } from '../support/haraka'
import { MX_TRAFFIC } from './courier'
import { type Figure, median, percentile } from './figure'
import { Lab } from './lab'
import { LoopDelays, loopDelayPlugin } from './loop-delay'
import { installed } from './older-build'
import { memoryOf } from './process-figures'

/** TDC_BACKLOG: as many copies, such as 100000. */
const COPIES = Number(process.env['TDC_BACKLOG'] ?? 30_000)
const ROUNDS = 5
const MESSAGES = COPIES / ROUNDS
/** As fast as it goes: on connections that stay, delayed acknowledgements make it slower by far. */
const CROWD = { ...MX_TRAFFIC, messages: MESSAGES, connections: 80 }
/** What goes on coming meanwhile: some 70 mails a second. */
const REGULAR = { ...MX_TRAFFIC, messages: 250, connections: 10, pause: 100 }
/** Milliseconds for which the backlog is watched when it is complete: every look that is made each minute is in it. */
const REST = 180_000

const UNIT = 'MB'

interface Run {
  readonly rate: number
  /** MB more than when it was idle. */
  readonly growth: number
  /** Milliseconds. */
  readonly p99: number
  readonly max: number
}

/**
 * What 30,000 copies that wait cost a Haraka, with this build and with the other: by how much its memory has grown when all of them are
 * there, and how late its event loop is meanwhile (99th percentile), against the same mail without
 * the plugin. The intake takes connections and says nothing, so that every opening ends by its
 * deadline, and all that wait for it fail at once and wait for their retry.
 */
export function backlog(before: string): Promise<Figure> {
  return Lab.for(async (lab) => {
    const silent = createServer((socket) => socket.on('error', () => socket.destroy()))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    try {
      return await measured(lab, silent, before)
    } finally {
      silent.close()
    }
  })
}

async function measured(lab: Lab, silent: Server, before: string): Promise<Figure> {
  const { port } = silent.address() as AddressInfo
  const delivery = [`port=${port}`, 'max_age=7200', 'retry_delay=3600']
  const options = { sections: { delivery }, localPlugins: loopDelayPlugin }
  const copying = await lab.gateway({ tdc: true, ...options })
  const old = await lab.gateway({ tdc: true, ...options, install: installed(before) })
  const bare = await lab.gateway({ tdc: false, ...options })
  const delays = new LoopDelays()
  const idle = new Map<HarakaServer, number>()
  for (const server of [copying, old, bare]) {
    await sleep(500)
    idle.set(server, memoryOf(server.pid).now)
    await delays.of(server)
  }
  const growth = (server: HarakaServer) => memoryOf(server.pid).now - (idle.get(server) ?? 0)
  const run = async (server: HarakaServer): Promise<Run> => {
    await delays.of(server)
    const { seconds } = await lab.bring({ ...CROWD, port: server.port })
    const { p99, max } = await delays.of(server)
    return { rate: MESSAGES / seconds, growth: growth(server), p99, max }
  }
  const ours: Run[] = []
  const theirs: Run[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    const [a, o, b] = [await run(copying), await run(old), await run(bare)]
    const runs = `with ${shown(a)}; ${before} ${shown(o)}; without ${shown(b)}`
    console.log(`round ${round}, ${round * MESSAGES} copies: ${runs}`)
    ours.push(a)
    theirs.push(b)
  }
  await delays.of(copying)
  await sleep(REST)
  const { p99, max } = await delays.of(copying)
  const rest = `for ${REST / 1000} s: loop p99 ${p99.toFixed(1)}, most ${max.toFixed(1)} ms`
  console.log(`${copying.queueFiles().length} files wait ${rest}, +${growth(copying).toFixed()} MB`)
  const [now, then] = [growth(copying) - growth(bare), growth(old) - growth(bare)]
  const ratio = (now / then).toFixed(2)
  console.log(
    `memory beyond Haraka's own: ${now.toFixed()}, ${before} ${then.toFixed()} MB, ratio ${ratio}`,
  )
  await regular(lab, copying, bare)
  return figure(ours, theirs)
}

/** What clients wait for their 250 while the backlog is there, against no plugin. */
async function regular(lab: Lab, copying: HarakaServer, bare: HarakaServer): Promise<void> {
  const waits: number[][] = [[], []]
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [at, server] of [copying, bare].entries()) {
      waits[at]?.push(...(await lab.bring({ ...REGULAR, port: server.port })).waits)
    }
  }
  const of = (part: number) => waits.map((all) => percentile(all, part)) as [number, number]
  for (const [name, part] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    const [ours, theirs] = of(part)
    const ratio = (ours / theirs).toFixed(2)
    console.log(
      `regular mail ${name}: with ${ours.toFixed(1)}, without ${theirs.toFixed(1)} ms, ratio ${ratio}`,
    )
  }
}

function shown({ rate, growth, p99, max }: Run): string {
  const late = `loop p99 ${p99.toFixed(1)}, most ${max.toFixed(1)} ms`
  return `${rate.toFixed()} messages/s, +${growth.toFixed()} MB, ${late}`
}

function figure(copying: readonly Run[], bare: readonly Run[]): Figure {
  const [ours = NaN, theirs = NaN] = [copying, bare].map((runs) => runs.at(-1)?.growth)
  const [late = NaN, lateBare = NaN] = [copying, bare].map((runs) => median(runs.map((r) => r.p99)))
  const [difference, p99] = [ours - theirs, late - lateBare]
  return { case: 'backlog', ratio: ours / theirs, ours, theirs, unit: UNIT, difference, p99 }
}
