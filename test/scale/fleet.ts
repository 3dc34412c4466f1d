import { Pool } from '../../plugins/tdc/delivery/pool'
import type { PoolOptions } from '../../plugins/tdc/delivery/pool-options'
import type { TdcEvent } from '../../plugins/tdc/monitor/events'
import { Copy } from '../../plugins/tdc/queue/copy'
import type { Holds } from '../../plugins/tdc/queue/holds'
import type { CopyFiles } from '../../plugins/tdc/queue/copy-files'
import { Scheduler } from '../../plugins/tdc/queue/scheduler'
import { SharedStore } from '../../plugins/tdc/queue/shared/shared-store'
import { FakeClock } from '../support/fake-clock'
import { numbersOf } from '../support/pool-model'
import { RedisModel, type RedisFigures } from './redis-model'
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
  /** Of each; then they are stored in a Redis that all share. */
  readonly copyOctets?: number
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
  /** Until the end of `after`; undefined: nothing is shared. */
  readonly redis: (RedisFigures & { readonly seconds: number }) | undefined
}

const MAX_AGE = 120_000

/** Milliseconds until all stores have Redis. */
const CONNECTED = 100

/** The defaults of [delivery]. */
const POOL: PoolOptions = {
  minConnections: 3,
  maxConnections: 50,
  messagesPerConnection: 50,
  idleTimeout: 5_000,
}

/** A disk that always works, and keeps nothing. */
const FILES: CopyFiles = {
  remove: ({ stored }) =>
    stored ? stored.store.end(stored.copy).then(() => true) : Promise.resolve(true),
  withdraw: () => Promise.resolve(true),
  giveUp: (copy) => FILES.remove(copy),
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
  private readonly stores = new Map<Scheduler, SharedStore>()
  private readonly ages: number[] = []
  private counts = { copies: 0, delivered: 0, bounced: 0, expired: 0 }
  private feeding = true
  private readonly redis: RedisModel | undefined
  private readonly content: Buffer

  constructor(private readonly options: FleetOptions) {
    this.random = numbersOf(options.seed)
    const { copyOctets } = options
    this.redis = copyOctets === undefined ? undefined : new RedisModel(this.clock)
    this.content = Buffer.alloc(copyOctets ?? 0)
    this.intake = new FleetIntake(this.clock, options.intake, this.random)
    this.schedulers = Array.from({ length: options.workers }, () => this.worker())
  }

  async run(): Promise<FleetResult> {
    const { before, outage, after } = this.options
    const start = this.clock.monotonic()
    for (const store of this.stores.values()) store.start(() => true)
    if (this.redis) await this.clock.advance(CONNECTED)
    for (const scheduler of this.schedulers) this.feed(scheduler)
    await this.clock.advance(before)
    // What Redis bears is asked of quiet times, too.
    const caughtUp = this.redis && outage === 0 ? 0 : await this.outage(outage)
    await this.clock.advance(Math.max(0, after - caughtUp))
    this.feeding = false
    const passed = this.clock.monotonic() - start
    const redis = this.redis && { ...this.redis.figures, seconds: passed / 1000 }
    await this.clock.advance(MAX_AGE + 60_000)
    const first = Math.floor(start / 1000)
    const seconds = Math.ceil((before + outage + after) / 1000)
    const attempts = Array.from(
      { length: seconds },
      (_, at) => this.intake.attempts[first + at] ?? 0,
    )
    const ages = this.ages.sort((a, b) => a - b)
    return { ...this.counts, ages, attempts, intake: this.intake, caughtUp, redis }
  }

  /** Milliseconds that what waited then took. */
  private async outage(lasts: number): Promise<number> {
    this.intake.down()
    await this.clock.advance(lasts)
    this.intake.up()
    return this.untilFlat()
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
    const scheduler = new Scheduler({
      courierOf: () => pool,
      files: FILES,
      clock: this.clock,
      report: (event) => this.count(event),
      options: () => ({ maxAge: MAX_AGE, retryDelay: this.options.retryDelay }),
      holds: { isHeld: () => false } as unknown as Holds,
    })
    if (this.redis) this.stores.set(scheduler, this.storeIn(this.redis))
    return scheduler
  }

  private storeIn({ send }: RedisModel): SharedStore {
    return new SharedStore({
      redis: {
        connect: () => Promise.resolve({ sendOctets: send, close: () => {} }),
        address: () => undefined,
      },
      settings: () => ({ isWanted: true, replicas: 0, prefix: 'tdc', machine: 'mx' }),
      clock: this.clock,
      report: (event) => this.count(event),
      takeIn: () => {},
      nameOf: (name) => name,
      lost: () => {},
    })
  }

  /** Copies come at any time, so many a second in the mean. */
  private feed(scheduler: Scheduler): void {
    const { rate, workers } = this.options
    const mean = (1000 * workers) / rate
    this.clock.after(-mean * Math.log(1 - this.random()), () => {
      if (!this.feeding) return
      const mid = `T.${(this.counts.copies += 1)}.tdc1`
      const copy = new Copy(mid, NOTES, PLACE, this.clock.monotonic())
      const store = this.stores.get(scheduler)
      if (store) void this.store(copy, store).then(() => scheduler.schedule(copy))
      else scheduler.schedule(copy)
      this.feed(scheduler)
    })
  }

  private async store(copy: Copy, store: SharedStore): Promise<void> {
    const record = { name: copy.mid, content: this.content }
    copy.stored = { store, copy: await store.append(record, new AbortController().signal) }
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
