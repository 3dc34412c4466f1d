import type { HarakaServer } from '../support/haraka'

/** Milliseconds by which the timers of a process were late. */
export interface LoopDelay {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** A plugin that says, each time it gets a SIGUSR2, how late the loop was since the last time. */
const SOURCE = `
const { monitorEventLoopDelay } = require('node:perf_hooks')
const resolution = 5
let told = 0
exports.register = function () {
  const delay = monitorEventLoopDelay({ resolution })
  const late = (part) => Math.max(0, delay.percentile(part) / 1e6 - resolution)
  delay.enable()
  process.on('SIGUSR2', () => {
    const figures = { p50: late(50), p99: late(99), max: Math.max(0, delay.max / 1e6 - resolution) }
    delay.reset()
    this.lognotice('LOOP DELAY ' + ++told + ' ' + JSON.stringify(figures))
  })
}
`

export const loopDelayPlugin = { loop_delay: SOURCE }

/** Asks the processes that have the plugin, and keeps count of the answers. */
export class LoopDelays {
  private readonly asked = new Map<HarakaServer, number>()

  /** Since the last time that this server was asked. */
  async of(server: HarakaServer): Promise<LoopDelay> {
    const number = (this.asked.get(server) ?? 0) + 1
    this.asked.set(server, number)
    const start = `LOOP DELAY ${number} `
    server.signal('SIGUSR2')
    const line = await server.waitForLine(start)
    return JSON.parse(line.slice(line.indexOf(start) + start.length)) as LoopDelay
  }
}
