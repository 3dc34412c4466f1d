import assert from 'node:assert/strict'
import type { Outcome } from '../../plugins/tdc/smtp/outcome'
import type { Outgoing } from '../../plugins/tdc/smtp/outgoing'
import { Pool } from '../../plugins/tdc/delivery/pool'
import type { PoolDeps, PoolOptions } from '../../plugins/tdc/delivery/pool-options'
import { FakeClock } from './fake-clock'
import { CLOSED, FakeSessions, mail, reply } from './fake-sessions'

/** The most connections in all the options that a run may switch to. */
const MOST = 8
const LONGEST_OPENING = 60_000

/** Numbers that a seed repeats (mulberry32). */
export function numbersOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Owner, intake and network of one pool, all doing anything at any time. */
export class PoolModel {
  readonly clock = new FakeClock()
  readonly sessions = new FakeSessions()
  readonly outcomes = { delivered: 0, failed: 0, aborted: 0 }
  comebacks = 0
  readonly pool: Pool
  private options: PoolOptions
  private readonly open = new Set<Outgoing>()
  private readonly settled = new Set<Outgoing>()
  private submitted = 0
  private recalled = 0
  private ending = false

  constructor(
    private readonly random: () => number,
    make: (deps: PoolDeps) => Pool = (deps) => new Pool(deps),
  ) {
    this.options = this.anyOptions()
    this.pool = make({
      open: this.sessions.open,
      clock: this.clock,
      options: () => this.options,
      random,
    })
  }

  async step(): Promise<void> {
    const actions: [weight: number, action: () => void | Promise<void>][] = [
      [10, () => this.submit()],
      [8, () => this.any(this.sessions.opening)?.accept(this.below(3) + 1)],
      [2, () => this.any(this.sessions.opening)?.fail()],
      [12, () => this.any(this.sessions.flights)?.deliver(this.chance(0.95))],
      [3, () => this.any(this.sessions.flights)?.fail(reply(550), this.chance(0.7))],
      [1, () => this.any(this.sessions.flights)?.fail(CLOSED, false)],
      [3, () => this.comeBack()],
      [1, () => this.hangUp()],
      [1, () => this.stick()],
      [2, () => this.abort()],
      [1, () => this.recall()],
      [2, () => this.reload()],
      [4, () => this.clock.advance(this.below(400))],
      [1, () => this.clock.advance(this.below(15_000))],
    ]
    let lot = this.random() * actions.reduce((sum, [weight]) => sum + weight, 0)
    const [, action] = actions.find(([weight]) => (lot -= weight) < 0) ?? actions[0] ?? []
    await action?.()
    this.checkCounts()
    // Half of the steps happen before the promises of the one before have settled.
    if (this.chance(0.5)) {
      await this.clock.settle()
      this.checkPlaces()
    }
  }

  /** Ends by itself or is destroyed; then nothing may be left. */
  async finish(): Promise<void> {
    this.ending = true
    if (this.chance(0.3)) this.pool.destroy()
    for (let round = 0; round < 2000 && this.open.size > 0; round++) {
      this.sessions.acceptAll(2)
      for (const flight of this.sessions.flights) flight.deliver()
      await this.clock.advance(100)
    }
    // A session that is stuck is waited for, and so is an opening.
    await this.clock.advance(LONGEST_OPENING + 20_000)
    assert.equal(this.open.size, 0, 'messages without an outcome')
    assert.equal(this.settled.size + this.recalled, this.submitted)
    assert.deepEqual(Object.values(this.pool.stats), [0, 0, 0, 0, 0, 0])
    assert.equal(this.clock.pending, 0, 'timers')
    const left = this.sessions.standing.filter(({ destroys }) => destroys === 0)
    assert.deepEqual(left, [], 'sessions')
  }

  private submit(): void {
    const message = mail(`m${(this.submitted += 1)}`)
    this.open.add(message)
    this.pool.submit(message, (outcome) => this.settle(message, outcome))
  }

  private settle(message: Outgoing, { kind }: Outcome): void {
    assert.ok(!this.settled.has(message), `${message.mid} settled twice`)
    assert.ok(this.open.delete(message), `${message.mid} settled, but not submitted`)
    this.settled.add(message)
    this.outcomes[kind] += 1
    if (this.ending) return
    if (this.chance(0.1)) this.submit()
    if (this.chance(0.05)) this.abort()
    if (this.chance(0.05)) throw new Error('an owner that throws')
  }

  private abort(): void {
    const message = this.any([...this.open])
    if (message) this.pool.abort(message)
  }

  private recall(): void {
    const message = this.any([...this.open])
    if (message && this.pool.recall(message)) {
      this.open.delete(message)
      this.recalled += 1
    }
  }

  private comeBack(): void {
    const flight = this.any(this.sessions.flights)
    if (!flight) return
    this.comebacks += 1
    const closesFirst = this.chance(0.3)
    if (closesFirst) flight.session.hangUp()
    flight.comeBack(this.chance(0.5) ? reply(421) : CLOSED)
    if (!closesFirst && this.chance(0.5)) flight.session.hangUp()
  }

  /** The intake goes away; what is on its way comes back, or nobody ever says what became of it. */
  private hangUp(): void {
    const session = this.any(this.sessions.standing)
    if (!session) return
    session.hangUp()
    if (this.chance(0.8)) for (const flight of [...session.flights]) flight.comeBack(CLOSED)
  }

  private stick(): void {
    const session = this.any(this.sessions.standing)
    if (session) session.stuck = true
  }

  private reload(): void {
    this.options = this.anyOptions()
  }

  private anyOptions(): PoolOptions {
    return {
      minConnections: this.below(4),
      maxConnections: 1 + this.below(MOST),
      messagesPerConnection: 1 + this.below(20),
      idleTimeout: this.any([0, 100, 5000]) ?? 0,
      openTimeout: this.any([1000, LONGEST_OPENING]) ?? 0,
    }
  }

  /** What holds at any moment. */
  private checkCounts(): void {
    const { waiting, connecting, idle, busy, closing, inFlight } = this.pool.stats
    assert.ok(connecting + idle + busy + closing <= MOST, 'too many connections')
    // Those whose outcome is just being told are in neither count any more.
    assert.equal(waiting + inFlight, this.open.size, 'a message is nowhere, or twice')
    assert.ok(waiting === 0 || idle === 0, 'a message waits while a connection is idle')
    const somethingComes = connecting + busy + closing + this.clock.pending > 0
    assert.ok(waiting === 0 || somethingComes, 'messages wait for nothing')
    assert.deepEqual(this.sessions.misuse, [])
  }

  /** What holds when all promises have settled. */
  private checkPlaces(): void {
    const { connecting, busy, closing, inFlight } = this.pool.stats
    // What the pool told to close, and waited for long enough, it may replace.
    const useful = this.sessions.standing.filter(({ quits, destroys }) => quits + destroys === 0)
    const carried = useful.flatMap(({ flights }) => flights.map(({ message }) => message))
    assert.equal(new Set(carried).size, carried.length, 'a message is on two connections')
    assert.equal(connecting, this.sessions.opening.length)
    const carriers = useful.filter(({ flights }) => flights.length > 0).length
    // One that takes no more may still carry something.
    assert.ok(busy <= carriers && carriers <= busy + closing, `${busy} busy, ${carriers} carry`)
    assert.ok(inFlight >= carried.length)
    const real = this.sessions.opening.length + useful.length
    assert.ok(real <= MOST, `${real} connections at the intake`)
  }

  private any<T>(things: readonly T[]): T | undefined {
    return things[this.below(things.length)]
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  private chance(probability: number): boolean {
    return this.random() < probability
  }
}
