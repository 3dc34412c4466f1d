import { Pool } from '../../plugins/tdc/delivery/pool'
import type { PoolOptions } from '../../plugins/tdc/delivery/pool-options'
import type { TdcEvent } from '../../plugins/tdc/monitor/events'
import { Copy } from '../../plugins/tdc/queue/copy'
import type { Holds } from '../../plugins/tdc/queue/holds'
import type { CopyFiles } from '../../plugins/tdc/queue/copy-files'
import { Scheduler } from '../../plugins/tdc/queue/scheduler'
import { FakeClock } from '../support/fake-clock'
import { numbersOf } from '../support/pool-model'
import { FleetIntake, type IntakeOptions } from './fleet-intake'

/** Times are milliseconds. */
export interface FleetOptions {
  readonly seed: number
  /** Worker processes of all machines: each has its own queue and its own pool. */
  readonly workers: number
  /** Copies per second of all of them. */
  readonly rate: number
  readonly intake: IntakeOptions
  readonly pool: Partial<PoolOptions>
  readonly retryDelay: number
  /** False: pauses without jitter, to see what it is good for. */
  readonly jitter?: boolean
  /** From the start; then the intake is down for `outage`; then until all is settled. */
  readonly before: number
  readonly outage: number
  readonly after: number
}

export interface FleetResult {
  readonly copies: number
  readonly delivered: number
  /** Given up after their retry, and because their time was over. */
  readonly bounced: number
  readonly expired: number
  /** Milliseconds in the queue of those that were delivered, the shortest first. */
  readonly ages: readonly number[]
  /** Attempts to connect in each second from the start. */
  readonly attempts: readonly number[]
  readonly intake: FleetIntake
  /** Milliseconds from the end of the outage until none of its copies was left; two minutes at most. */
  readonly caughtUp: number
}

const MAX_AGE = 120_000

/** The defaults of [delivery]. */
const POOL: PoolOptions = {
  minConnections: 3,
  maxConnections: 50,
  messagesPerConnection: 50,
  idleTimeout: 5_000,
}

/** A disk that always works, and keeps nothing. */
const FILES: CopyFiles = {
  remove: () => Promise.resolve(true),
  withdraw: () => Promise.resolve(true),
  giveUp: () => Promise.resolve(true),
  postpone: () => Promise.resolve(),
  announce: () => Promise.resolve(),
  exists: () => Promise.resolve(true),
  settled: () => Promise.resolve(),
}

/** Many workers, each with the real queue and the real pool, before one intake; on a fake clock. */
export class Fleet {
  private readonly clock = new FakeClock()
  private readonly random: () => number
  private readonly intake: FleetIntake
  private readonly schedulers: Scheduler[]
  private readonly ages: number[] = []
  private counts = { copies: 0, delivered: 0, bounced: 0, expired: 0 }
  private feeding = true

  constructor(private readonly options: FleetOptions) {
    this.random = numbersOf(options.seed)
    this.intake = new FleetIntake(this.clock, options.intake, this.random)
    this.schedulers = Array.from({ length: options.workers }, () => this.worker())
  }

  async run(): Promise<FleetResult> {
    const { before, outage, after } = this.options
    const start = this.clock.monotonic()
    for (const scheduler of this.schedulers) this.feed(scheduler)
    await this.clock.advance(before)
    this.intake.down()
    await this.clock.advance(outage)
    this.intake.up()
    const caughtUp = await this.untilFlat()
    await this.clock.advance(Math.max(0, after - caughtUp))
    this.feeding = false
    await this.clock.advance(MAX_AGE + 60_000)
    const first = Math.floor(start / 1000)
    const seconds = Math.ceil((before + outage + after) / 1000)
    const attempts = Array.from(
      { length: seconds },
      (_, at) => this.intake.attempts[first + at] ?? 0,
    )
    const ages = this.ages.sort((a, b) => a - b)
    return { ...this.counts, ages, attempts, intake: this.intake, caughtUp }
  }

  /** Milliseconds until no copy is left that was waiting now. */
  private async untilFlat(): Promise<number> {
    const now = this.clock.monotonic()
    for (;;) {
      const oldest = Math.max(...this.schedulers.map(({ stats }) => stats.oldestAgeMs ?? 0))
      const passed = this.clock.monotonic() - now
      if (oldest <= passed || passed > MAX_AGE) return passed
      await this.clock.advance(250)
    }
  }

  private worker(): Scheduler {
    const pool = new Pool({
      open: this.intake.open,
      clock: this.clock,
      options: () => ({ ...POOL, ...this.options.pool }),
      random: this.options.jitter === false ? () => 0.5 : this.random,
    })
    return new Scheduler({
      courierOf: () => pool,
      files: FILES,
      clock: this.clock,
      report: (event) => this.count(event),
      options: () => ({ maxAge: MAX_AGE, retryDelay: this.options.retryDelay }),
      holds: { isHeld: () => false } as unknown as Holds,
    })
  }

  /** Copies come at any time, so many a second in the mean. */
  private feed(scheduler: Scheduler): void {
    const { rate, workers } = this.options
    const mean = (1000 * workers) / rate
    this.clock.after(-mean * Math.log(1 - this.random()), () => {
      if (!this.feeding) return
      const mid = `T.${(this.counts.copies += 1)}.tdc1`
      scheduler.schedule(new Copy(mid, NOTES, PLACE, this.clock.monotonic()))
      this.feed(scheduler)
    })
  }

  private count(event: TdcEvent): void {
    if (event.kind === 'delivered') {
      this.counts.delivered += 1
      this.ages.push(event.age)
    } else if (event.kind === 'hard-bounced') this.counts.bounced += 1
    else if (event.kind === 'expired') this.counts.expired += 1
  }
}

const PLACE = { filename: '', folder: '', start: 0 }
const NOTES = {
  v: 1,
  intake: 'intake@scan.example',
  reversePath: '',
  messageId: '',
  size: 0,
  octets: 0,
  eightBit: false,
  smtputf8: false,
} as const
