import type { Clock } from '../../plugins/tdc/clock'
import { type ConnectOptions, makeSessionMaker } from '../../plugins/tdc/delivery/connect'
import { Pool } from '../../plugins/tdc/delivery/pool'
import type { SessionMaker } from '../../plugins/tdc/smtp/session'
import type { TdcEvent } from '../../plugins/tdc/monitor/events'
import { Copy } from '../../plugins/tdc/queue/copy'
import { systemDisk } from '../../plugins/tdc/queue/disk'
import { Holds } from '../../plugins/tdc/queue/holds'
import type { CopyFiles } from '../../plugins/tdc/queue/copy-files'
import { Scheduler } from '../../plugins/tdc/queue/scheduler'
import { queueDirectory } from '../support/queue'
import { makeTempDir } from '../support/temp-dir'

/** How one copy ended. */
export interface Ended {
  readonly kind: 'delivered' | 'hard-bounced' | 'tls-error' | 'expired'
  readonly attempts: number
  /** Milliseconds. */
  readonly age: number
}

/** Times are milliseconds. */
export interface DeliveryLineOptions {
  readonly maxAge: number
  readonly retryDelay: number
  readonly minConnections: number
  readonly maxConnections: number
}

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

  /** `open` in place of real sessions. */
  constructor(
    connect: Pick<ConnectOptions, 'clock' | 'random'> & (ConnectOptions | { open: SessionMaker }),
    options: DeliveryLineOptions,
  ) {
    const { clock, random } = connect
    this.clock = clock
    const report = (event: TdcEvent) => this.take(event)
    this.pool = new Pool({
      open: 'open' in connect ? connect.open : makeSessionMaker({ ...connect, report }),
      clock,
      options: () => ({ ...options, messagesPerConnection: 50, idleTimeout: 1_000 }),
      random,
      onMistake: (mistake) => this.mistakes.push(mistake),
    })
    this.scheduler = new Scheduler({
      courierOf: () => this.pool,
      files: NO_FILES,
      clock,
      report,
      options: () => options,
      holds: new Holds({
        directory: queueDirectory(makeTempDir('line')),
        disk: systemDisk,
        report,
      }),
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
    const place = { filename: mid, folder: '/nowhere', start: 0 }
    const copy = new Copy(mid, notes, place, this.clock.monotonic(), content)
    return new Promise((resolve) => {
      this.waiting.set(mid, resolve)
      this.scheduler.schedule(copy)
    })
  }

  /** Copies that have not ended. */
  get waitingCopies(): number {
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
  withdraw: () => Promise.resolve(true),
  giveUp: () => Promise.resolve(true),
  postpone: () => Promise.resolve(),
  announce: () => Promise.resolve(),
  exists: () => Promise.resolve(true),
  settled: () => Promise.resolve(),
}
