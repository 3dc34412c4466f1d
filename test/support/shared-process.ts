import type { RedisAddress } from '../../plugins/tdc/haraka/redis-ini'
import { redisConnections } from '../../plugins/tdc/haraka/redis-connection'
import type { HarakaPlugin } from '../../plugins/tdc/haraka/types'
import { Copy } from '../../plugins/tdc/queue/copy'
import { Loader } from '../../plugins/tdc/queue/loader'
import { systemClock } from '../../plugins/tdc/clock'
import { SharedLook } from '../../plugins/tdc/queue/shared/shared-view'
import { sharedQueue } from '../../plugins/tdc/queue/shared/shared-queue'
import type { SendOctets } from '../../plugins/tdc/queue/shared/redis-queue'
import type { SharedStore } from '../../plugins/tdc/queue/shared/shared-store'
import type { Settings } from '../../plugins/tdc/settings/settings'
import { NOTES, TestQueue } from './queue'

/** Milliseconds. */
const STEP = 500

/** The processes' clocks go on together. */
export async function pass(processes: readonly SharedProcess[], ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += STEP) {
    for (const each of processes) if (!each.isStopped) await each.queue.clock.advance(STEP)
    await Promise.all(processes.map((each) => each.quiet()))
  }
}

/** Sections of redis.ini. */
export interface RedisIni {
  readonly server?: Readonly<Record<string, unknown>>
  readonly sentinel?: Readonly<Record<string, unknown>>
}

/** A process that has its copies in a real Redis; its clock is moved by hand. */
export class SharedProcess {
  readonly queue = new TestQueue()
  readonly store: SharedStore
  readonly look: SharedLook
  replicas = 0
  prefix = 'tdc'
  kind: 'redis' | 'local' = 'redis'
  /** Its clock is moved by nobody, and none of its commands is sent. */
  isStopped = false
  /** Of commands; a test puts in what fails. */
  before: (words: Parameters<SendOctets>[0], send: SendOctets) => Promise<unknown> | void = () => {}
  readonly commands: string[] = []
  /** Of answers. */
  heard: (reply: unknown) => void = () => {}
  /** Real milliseconds in which a Redis that runs has answered, also on a busy machine; its silence is known by them. */
  patience = 5_000
  private pending = 0

  readonly redis: ReturnType<typeof redisConnections>
  private reread = () => {}

  constructor(
    private redisIni: RedisIni,
    machine: string,
  ) {
    this.redis = redisConnections(this.plugin())
    const { queue } = this
    const { directory, disk, clock, scheduler } = queue
    const report = (event: (typeof queue.events)[number]) => void queue.events.push(event)
    const loader = new Loader({
      directory,
      disk,
      clock,
      scheduler,
      report,
      countsDowntime: () => false,
    })
    const settings = () => ({
      queue: { store: this.kind, replicas: this.replicas },
      cluster: { prefix: this.prefix, machine },
      delivery: { maxAge: queue.options.maxAge, maxAgeCountsDowntime: false },
    })
    this.look = new SharedLook({
      connect: () => this.connect(),
      settings: settings as () => unknown as () => Settings,
      clock: systemClock,
    })
    this.store = sharedQueue({
      redis: { ...this.redis, connect: (to) => this.counted(this.connect(to)) },
      settings: settings as () => unknown as () => Settings,
      ...{ directory, memory: queue.memory, clock, report },
      parts: () => ({ scheduler, files: queue.copyFiles, loader }),
    })
  }

  async start(): Promise<this> {
    this.store.start(() => true)
    await this.quiet()
    return this
  }

  /** A copy that is written ahead, and scheduled. */
  async add(mid: string): Promise<Copy> {
    const { queue, store } = this
    const { start, ...record } = queue.record(mid)
    const stored = await store.append(record, new AbortController().signal)
    const place = { filename: record.name, folder: queue.path, start }
    const message = record.content.subarray(start)
    const copy = new Copy(mid, NOTES, place, queue.clock.monotonic(), message)
    copy.stored = { store, copy: stored }
    queue.scheduler.lease(copy)
    queue.scheduler.schedule(copy)
    return copy
  }

  /** The MIDs that are with the courier. */
  get sending(): string[] {
    return this.queue.courier.held.map(({ mid }) => mid).sort()
  }

  delivered(mid: string): void {
    const { courier } = this.queue
    const message = courier.held.find((each) => each.mid === mid)
    courier.answer({ kind: 'delivered', dcid: 1, response: '250 ok' }, message)
  }

  /** No command is under way any more, nor anything that follows from one; one that has no answer is not waited for. */
  async quiet(): Promise<void> {
    const began = performance.now()
    for (let turns = 0; turns < 10; turns++) {
      await new Promise((resolve) => setImmediate(resolve))
      if (this.pending > 0 && performance.now() - began < this.patience) turns = 0
    }
    await this.queue.idle()
  }

  close(): void {
    this.store.close()
    this.queue.remove()
  }

  private async connect(to?: RedisAddress) {
    const redis = await this.redis.connect(to)
    return {
      close: () => redis.close(),
      sendOctets: (words: Parameters<SendOctets>[0]) => {
        this.commands.push(String(words[0]))
        const sent = Promise.resolve(this.before(words, redis.sendOctets)).then(
          (other) => other ?? redis.sendOctets(words),
        )
        sent.then((reply) => this.heard(reply)).catch(() => {})
        return this.counted(sent)
      },
    }
  }

  private counted<T>(work: Promise<T>): Promise<T> {
    this.pending++
    return work.finally(() => this.pending--)
  }

  /** As when redis.ini is another file. */
  reload(redisIni: RedisIni): void {
    this.redisIni = redisIni
    this.reread()
  }

  /** As Haraka has it, as far as its redis.ini is read. */
  private plugin(): HarakaPlugin {
    const get = (_name: string, reread: () => void) => {
      this.reread = reread
      return this.redisIni
    }
    const plugin = {
      name: 'tdc',
      config: { get },
      inherits(this: object, name: string) {
        // eslint-disable-next-line @typescript-eslint/no-require-imports
        const parent = require(name) as { register(this: object): void }
        Object.assign(this, parent)
        parent.register.call(this)
      },
    }
    return plugin as unknown as HarakaPlugin
  }
}
