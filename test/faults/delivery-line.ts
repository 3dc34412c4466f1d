import type { Clock } from '../../plugins/tdc/clock'
import { systemClock } from '../../plugins/tdc/clock'
import { makeSessionMaker } from '../../plugins/tdc/delivery/connect'
import type { Timeouts } from '../../plugins/tdc/delivery/options'
import { Pool } from '../../plugins/tdc/delivery/pool'
import type { TdcEvent } from '../../plugins/tdc/monitor/events'
import { Copy } from '../../plugins/tdc/queue/copy'
import { type CopyFiles, Scheduler } from '../../plugins/tdc/queue/scheduler'
import { VERIFIED } from '../support/intake-link'

/** How one copy ended. */
export interface Ended {
  readonly kind: 'delivered' | 'hard-bounced' | 'tls-error' | 'expired'
  readonly attempts: number
  /** Milliseconds. */
  readonly age: number
}

export interface DeliveryLineOptions {
  readonly port: number
  readonly ca: string
  readonly timeouts: Timeouts
  /** Milliseconds. */
  readonly maxAge: number
  readonly retryDelay: number
  readonly minConnections: number
  readonly maxConnections: number
  readonly clock?: Clock
}

/** The name in the intake's certificate. */
export const INTAKE_NAME = 'localhost'

const ENDS: readonly string[] = ['delivered', 'hard-bounced', 'tls-error', 'expired']

/**
 * The product's own way from the scheduler to the wire, over real TLS to a server on the loopback;
 * only the queue files are not there.
 */
export class DeliveryLine {
  readonly events: TdcEvent[] = []
  readonly mistakes: unknown[] = []
  readonly pool: Pool
  private readonly scheduler: Scheduler
  private readonly clock: Clock
  private readonly waiting = new Map<string, (ended: Ended) => void>()
  private dcid = 0

  constructor(options: DeliveryLineOptions) {
    const { port, ca, timeouts, clock = systemClock } = options
    this.clock = clock
    const report = (event: TdcEvent) => this.take(event)
    this.pool = new Pool({
      open: makeSessionMaker({
        domain: 'scan.example',
        route: { host: INTAKE_NAME, port },
        port,
        helo: 'gateway.example',
        localAddress: undefined,
        timeouts,
        tls: { ...VERIFIED, ca },
        clock,
        report,
        lookup: {
          mx: () => Promise.reject(new Error('no DNS here')),
          addresses: () => Promise.reject(new Error('no DNS here')),
          system: () => Promise.resolve(['127.0.0.1']),
        },
        stsPolicyOf: () => Promise.resolve(undefined),
        random: Math.random,
        nextDcid: () => ++this.dcid,
      }),
      clock,
      options: () => ({ ...options, messagesPerConnection: 50, idleTimeout: 1_000 }),
      random: Math.random,
      onMistake: (mistake) => this.mistakes.push(mistake),
    })
    this.scheduler = new Scheduler({
      courierOf: () => this.pool,
      files: NO_FILES,
      clock,
      report,
      options: () => options,
    })
  }

  /** Sends a copy and tells how it ended. */
  deliver(mid: string, content: Buffer): Promise<Ended> {
    const notes = {
      v: 1 as const,
      intake: 'intake@scan.example',
      reversePath: '',
      messageId: `<${mid}@sender.example>`,
      size: content.length,
      octets: content.length,
      eightBit: false,
      smtputf8: false,
    }
    const place = { filename: mid, path: '/nowhere', start: 0 }
    const copy = new Copy(mid, notes, place, this.clock.monotonic(), content)
    return new Promise((resolve) => {
      this.waiting.set(mid, resolve)
      this.scheduler.schedule(copy)
    })
  }

  /** Copies that have not ended. */
  get open(): number {
    return this.waiting.size
  }

  close(): void {
    this.pool.destroy()
  }

  private take(event: TdcEvent): void {
    this.events.push(event)
    if (!('mid' in event) || !('attempts' in event) || !ENDS.includes(event.kind)) return
    const { attempts, age } = event
    this.waiting.get(event.mid)?.({ kind: event.kind as Ended['kind'], attempts, age })
    this.waiting.delete(event.mid)
  }
}

const NO_FILES: CopyFiles = {
  remove: () => Promise.resolve(true),
  giveUp: () => Promise.resolve(true),
  postpone: () => Promise.resolve(),
  announce: () => Promise.resolve(),
  exists: () => Promise.resolve(true),
  settled: () => Promise.resolve(),
}
