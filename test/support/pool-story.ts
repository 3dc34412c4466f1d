import assert from 'node:assert/strict'
import type { Failure, Outcome } from '../../plugins/tdc/smtp/outcome'
import type { Outgoing } from '../../plugins/tdc/smtp/outgoing'
import { Pool } from '../../plugins/tdc/delivery/pool'
import type { PoolDeps, PoolOptions } from '../../plugins/tdc/delivery/pool-options'
import { FakeClock } from './fake-clock'
import { FakeSessions, type FakeSession, mail } from './fake-sessions'

/** A pool with a clock that stands still and sessions that do what the test says. */
export class PoolStory {
  readonly clock = new FakeClock()
  readonly sessions = new FakeSessions()
  readonly pool: Pool
  readonly mistakes: unknown[] = []
  /** `mid: what became of it`, in the order in which it was told. */
  readonly told: string[] = []
  emptied = 0
  options: PoolOptions
  private readonly messages = new Map<string, Outgoing>()

  constructor(options: Partial<PoolOptions> = {}, deps: Partial<PoolDeps> = {}) {
    this.options = {
      minConnections: 3,
      maxConnections: 50,
      messagesPerConnection: 50,
      idleTimeout: 5000,
      openTimeout: 60_000,
      ...options,
    }
    this.pool = new Pool({
      open: this.sessions.open,
      clock: this.clock,
      options: () => this.options,
      random: () => 0.5,
      onEmpty: () => (this.emptied += 1),
      onMistake: (error) => this.mistakes.push(error),
      ...deps,
    })
  }

  submit(...mids: string[]): void {
    for (const mid of mids) {
      const message = mail(mid)
      this.messages.set(mid, message)
      this.pool.submit(message, (outcome) => this.told.push(`${mid}: ${inWords(outcome)}`))
    }
  }

  /** Submits `many` messages: PREFIX1, PREFIX2 and so on. */
  submitMany(many: number, prefix = 'm'): void {
    for (let number = 1; number <= many; number++) this.submit(`${prefix}${number}`)
  }

  abort(mid: string): void {
    const message = this.messages.get(mid)
    assert.ok(message, mid)
    this.pool.abort(message)
  }

  recall(mid: string): boolean {
    const message = this.messages.get(mid)
    assert.ok(message, mid)
    return this.pool.recall(message)
  }

  /** All attempts under way succeed; the sessions, after the pool has seen them. */
  async accept(window = 1): Promise<FakeSession[]> {
    const sessions = this.sessions.acceptAll(window)
    await this.clock.settle()
    return sessions
  }

  /** All attempts under way fail. */
  async refuse(failure?: Failure): Promise<void> {
    for (const attempt of this.sessions.opening) attempt.fail(failure)
    await this.clock.settle()
  }

  /** Everything on its way is delivered, until nothing is. */
  async deliverAll(): Promise<void> {
    while (this.sessions.flights.length > 0) {
      for (const flight of this.sessions.flights) flight.deliver()
      await this.clock.settle()
    }
  }

  /** The counts that are not zero, such as `2 waiting, 3 connecting`. */
  get counts(): string {
    const { waiting, connecting, idle, busy, closing, inFlight } = this.pool.stats
    const counts = { waiting, connecting, idle, busy, closing, 'in flight': inFlight }
    const words = Object.entries(counts).filter(([, number]) => number > 0)
    return words.map(([state, number]) => `${number} ${state}`).join(', ')
  }

  /** Nothing is left over: no message, connection or timer, and no session was misused. */
  assertOver(): void {
    assert.equal(this.counts, '')
    assert.equal(this.clock.pending, 0)
    assert.deepEqual(this.sessions.misuse, [])
    assert.deepEqual(this.sessions.standing, [])
  }
}

function inWords(outcome: Outcome): string {
  if (outcome.kind !== 'failed') return `${outcome.kind} ${outcome.dcid}`
  const { failure } = outcome
  const what =
    failure.kind === 'reply'
      ? failure.reply.code
      : failure.kind === 'network'
        ? failure.details
        : failure.kind
  return `failed ${outcome.dcid} ${what}`
}
