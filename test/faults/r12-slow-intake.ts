import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../plugins/tdc/clock'
import { comesTrue } from '../support/comes-true'
import { INTAKE, IntakeLink } from '../support/intake-link'
import { LineProxy } from '../support/line-proxy'
import type { FaultCase, FaultContext, FaultResult } from './case'
import { DeliveryLine } from './delivery-line'

const MIN_CONNECTIONS = 3
const MAX_CONNECTIONS = 10
/** Milliseconds. */
const IDLE_TIMEOUT = 1_000
const CLOSED = IDLE_TIMEOUT + 5_000
const TIMEOUT = 60_000

/** Octets. */
const MESSAGE = 4_000

const SHORT = { copies: 120, rate: 8_000, samples: 10_000 }
const LONG = { copies: 1_000, rate: 1_000, samples: 100_000 }

export const slowIntake: FaultCase = {
  name: 'R12',
  title: 'a slow intake: never more connections than allowed, nor fewer than wanted',
  async run({ long, note }: FaultContext): Promise<FaultResult> {
    const { copies, rate, samples } = long ? LONG : SHORT
    const timeouts = Object.fromEntries(PHASES.map((phase) => [phase, TIMEOUT]))
    const link = await IntakeLink.start(
      { keepMessages: false },
      { clock: systemClock, timeouts: timeouts as Record<(typeof PHASES)[number], number> },
    )
    const proxy = await LineProxy.before(link.server)
    proxy.line = { rate }
    const line = new DeliveryLine(
      { ...link.options, route: { host: INTAKE, port: proxy.port } },
      {
        maxAge: 3_600_000,
        retryDelay: 1_000,
        minConnections: MIN_CONNECTIONS,
        maxConnections: MAX_CONNECTIONS,
      },
    )
    try {
      const content = Buffer.from('Subject: copy\r\n\r\n' + 'x'.repeat(MESSAGE) + '\r\n')
      const mids = Array.from({ length: copies }, (_, at) => `m${at}`)
      let delivering = true
      const all = Promise.all(mids.map((mid) => line.deliver(mid, content))).finally(
        () => (delivering = false),
      )
      const watched = new Watched()
      while (delivering || watched.samples < samples) {
        watched.look(line)
        // Some of the samples between two turns of the event loop, most of them together.
        await (watched.samples % 10 === 0 ? sleep(1) : undefined)
      }
      const ended = await all
      const violations = watched.violations()
      const failed = ended.filter(({ kind }) => kind !== 'delivered').length
      if (failed > 0) violations.push(`${failed} copies were not delivered`)
      if (!(await comesTrue(() => proxy.open === 0, CLOSED))) {
        violations.push(`${proxy.open} connections stay open when nothing is left to send`)
      }
      const { most, least } = watched
      const figures = { copies, samples: watched.samples, most, least, seen: proxy.mostOpen }
      if (proxy.mostOpen > MAX_CONNECTIONS) violations.push(`${proxy.mostOpen} at the intake`)
      note(JSON.stringify(figures))
      return { n: watched.samples, violations, figures }
    } finally {
      line.close()
      await proxy.close()
      await link.close()
    }
  },
}

const PHASES = ['connect', 'greeting', 'tls', 'command', 'data', 'final'] as const

/** How many connections there were, each time that it was looked. */
class Watched {
  samples = 0
  most = 0
  /** While more copies waited than the least number of connections. */
  least = Infinity

  look(line: DeliveryLine): void {
    const { waiting, connecting, idle, busy, closing } = line.pool.stats
    const open = connecting + idle + busy + closing
    this.samples++
    this.most = Math.max(this.most, open)
    if (waiting >= MIN_CONNECTIONS) this.least = Math.min(this.least, open)
  }

  violations(): string[] {
    const found: string[] = []
    if (this.most > MAX_CONNECTIONS)
      found.push(`${this.most} connections, ${MAX_CONNECTIONS} may be`)
    if (this.least < MIN_CONNECTIONS)
      found.push(`${this.least} connections, ${MIN_CONNECTIONS} must be`)
    return found
  }
}
