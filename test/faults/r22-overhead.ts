import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MX_TRAFFIC } from '../bench/courier'
import { percentile } from '../bench/figure'
import { Lab } from '../bench/lab'
import type { HarakaServer } from '../support/haraka'
import type { FaultCase, FaultContext, FaultResult } from './case'

const SIZES = [4_096, 102_400]
/**
 * How many times longer a client may wait than for the gateway without the plugin and one durable
 * write on this disk: each 250 stands for a copy that is one.
 */
const MOST = 5
/**
 * Both gateways have it. Without it the last packet of a long original that Haraka forwards leaves 40 ms after the others
 * (Nagle's algorithm and delayed acknowledgement) or at once, by chance, with the plugin or without:
 * a short run would compare chances.
 */
const AT_ONCE = `const { Socket } = require('node:net')
const connect = Socket.prototype.connect
Socket.prototype.connect = function (...args) {
  this.setNoDelay(true)
  return connect.apply(this, args)
}
`

export const overhead: FaultCase = {
  name: 'R22',
  title: 'what a client waits longer for its 250, against a gateway without the plugin',
  async run({ long, note }: FaultContext): Promise<FaultResult> {
    const [rounds, messages] = long ? [20, 100] : [1, 20]
    return Lab.for(async (lab) => {
      const localPlugins = { at_once: AT_ONCE }
      const copying = await lab.gateway({ tdc: true, localPlugins })
      const bare = await lab.gateway({ tdc: false, localPlugins })
      const violations: string[] = []
      const figures: Record<string, number> = {}
      for (const size of SIZES) {
        const wait = async (server: HarakaServer, copies: number) => {
          const load = { ...MX_TRAFFIC, connections: 1, pause: 5, size, messages }
          const { waits } = await lab.bring({ ...load, port: server.port })
          await lab.drained(server, copies)
          return waits
        }
        const [ours, theirs]: [number[], number[]] = [[], []]
        for (let round = 0; round <= rounds; round++) {
          const [a, b] = [await wait(copying, messages), await wait(bare, 0)]
          // The first one is for the compiler.
          if (round > 0) ours.push(...a)
          if (round > 0) theirs.push(...b)
        }
        const [copied, forwarded] = [percentile(ours, 0.5), percentile(theirs, 0.5)]
        const written = percentile(durableWrites(join(copying.dir, 'queue'), size), 0.5)
        const ratio = copied / (forwarded + written)
        figures[`ratio${size}`] = round(ratio)
        figures[`bare${size}`] = round(copied / forwarded)
        if (!(ratio <= MOST)) violations.push(`${size} octets: ${ratio.toFixed(2)} times as long`)
      }
      note(JSON.stringify(figures))
      return { n: rounds * messages * SIZES.length, violations, figures }
    })
  },
}

/** Milliseconds for each of some files that are written, made durable and removed again. */
function durableWrites(folder: string, size: number): number[] {
  const content = Buffer.alloc(size, 'x')
  const directory = openSync(folder, 'r')
  const times = Array.from({ length: 20 }, (_, i) => {
    const first = join(folder, `.r22.${i}`)
    const second = `${first}.renamed`
    const began = performance.now()
    writeFileSync(first, content, { flush: true })
    renameSync(first, second)
    fsyncSync(directory)
    const time = performance.now() - began
    unlinkSync(second)
    return time
  })
  closeSync(directory)
  return times
}

function round(ratio: number): number {
  return Math.round(ratio * 100) / 100
}
