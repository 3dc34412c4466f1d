import type { HarakaServer } from '../support/haraka'
import { memoryOf } from './process-figures'

/** A plugin that collects garbage at each SIGURG, and says how many octets of memory are in use then. */
const SOURCE = `
const { setFlagsFromString } = require('node:v8')
const { runInNewContext } = require('node:vm')
const { setTimeout: sleep } = require('node:timers/promises')
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
let told = 0
exports.register = function () {
  process.on('SIGURG', async () => {
    // What is done with when a promise is settled goes with the next collection.
    for (let i = 0; i < 4; i++) {
      collect()
      await sleep(100)
    }
    const { heapUsed, external } = process.memoryUsage()
    this.lognotice('IN USE ' + ++told + ' ' + (heapUsed + external) + ' octets')
  })
}
`

export const heapPlugin = { heap_in_use: SOURCE }

/** MB. */
export interface Memory {
  /** Of the whole process, as it stands: with the garbage that V8 has not collected, and what it keeps. */
  readonly resident: number
  /** The most that it ever was. */
  readonly peak: number
  /** In the heap and in buffers, after a collection. */
  readonly inUse: number
}

const asked = new WeakMap<HarakaServer, number>()

/** Of a server that has the plugin. */
export async function memoryIn(server: HarakaServer): Promise<Memory> {
  const { now: resident, peak } = memoryOf(server.pid)
  const number = (asked.get(server) ?? 0) + 1
  asked.set(server, number)
  const start = `IN USE ${number} `
  server.signal('SIGURG')
  const line = await server.waitForLine(start, 60_000)
  const octets = parseInt(line.slice(line.indexOf(start) + start.length), 10)
  return { resident, peak, inUse: octets / 2 ** 20 }
}

/** How much more `to` is, in words, against the same of another build. */
export function grownText(ours: Memory, theirs: Memory, name: string): string {
  const part = (what: string, key: keyof Memory) =>
    `${what} +${ours[key].toFixed()} MB, ${name} +${theirs[key].toFixed()}, ` +
    `ratio ${(ours[key] / theirs[key]).toFixed(2)}`
  return [
    part('in use', 'inUse'),
    part('resident', 'resident'),
    part('resident at most', 'peak'),
  ].join('; ')
}

export function grown(from: Memory, to: Memory): Memory {
  return {
    resident: to.resident - from.resident,
    peak: to.peak - from.peak,
    inUse: to.inUse - from.inUse,
  }
}
