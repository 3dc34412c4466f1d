import type { Clock } from '../clock'
import type { PoolStatus, Reached } from '../monitor/status'
import { Alarm } from './alarm'
import { Backoff } from './backoff'
import type { Connection } from './connection'
import { Connections } from './connections'
import { Entries, type Entry } from './entries'
import { type GrowthOptions, wantedConnections } from './growth'
import { openGuarded, sendGuarded } from './guard'
import { LearnedLimit } from './learned-limit'
import type { Failure, Outcome } from './outcome'
import type { Outgoing } from './outgoing'
import type { Opened, SendResult, SessionMaker } from './session'

/** Times are milliseconds. */
export interface PoolOptions extends GrowthOptions {
  /** Messages over one connection before it is closed. */
  readonly messagesPerConnection: number
  /** How long a connection that is not needed is kept; 0: not at all. */
  readonly idleTimeout: number
  /** How long one opening may take, all hosts and addresses together. Default OPEN_TIMEOUT. */
  readonly openTimeout?: number
}

export interface PoolDeps {
  readonly open: SessionMaker
  readonly clock: Clock
  /** Read at each pulse, so that a reload takes effect. */
  readonly options: () => PoolOptions
  /** 0 to 1, as Math.random. */
  readonly random: () => number
  /**
   * No messages, no connections, and no failed opening that still matters: the owner may drop the
   * pool. All that is lost with it is the learned limit and `lastAttempt`.
   */
  readonly onEmpty?: () => void
  /** What a `settle`, an `onEmpty` or a session threw; without it such mistakes pass unseen. */
  readonly onMistake?: (error: unknown) => void
}

export interface PoolStats {
  /** Messages in the line. */
  readonly waiting: number
  readonly connecting: number
  readonly idle: number
  readonly busy: number
  readonly closing: number
  /** Messages on their way. */
  readonly inFlight: number
}

/** Above the 50 s that all addresses share (connect.ts), and half of a copy's life. */
export const OPEN_TIMEOUT = 60_000

/** A close this soon after a reply belongs to it; a later one is an idle timeout or a restart. */
const RIGHT_AFTER = 1000

const OPENING_TIMED_OUT: Failure = {
  kind: 'network',
  details: 'timeout',
  reason: 'connection timed out',
}

/**
 * The connections to one destination and the messages for it. What happens outside is written down
 * by `submit`, `abort`, `opened`, `landed` and `closed`; each of them, and the alarm, ends in
 * `pulse`, and only `pulse` decides what to do about it.
 */
export class Pool {
  private readonly entries = new Entries(() => ++this.turn)
  private readonly connections: Connections
  private readonly backoff: Backoff
  private readonly limit: LearnedLimit
  private readonly alarm: Alarm
  /** Counts what begins and what joins the line, to tell what came before what. */
  private turn = 0
  private phase: 'running' | 'closing' | 'destroyed' = 'running'
  private pulsing = false
  private pulseAgain = false
  private usedSinceEmpty = false
  private reached: { at: number | null; was: Reached } = { at: null, was: 'unknown' }
  private readonly ended: Promise<void>
  private end: () => void = () => {}

  constructor(private readonly deps: PoolDeps) {
    this.connections = new Connections(deps.clock, (work) => this.quietly(work))
    this.backoff = new Backoff(deps.random)
    this.limit = new LearnedLimit(deps.clock)
    this.alarm = new Alarm(deps.clock, () => this.pulse())
    this.ended = new Promise((resolve) => (this.end = resolve))
  }

  /** Whether the intake could be reached, as of the last attempt to connect or to deliver. */
  get lastAttempt(): Reached {
    return this.reached.was
  }

  /** What people want to know of it. */
  get status(): PoolStatus {
    return { ...this.stats, lastAttempt: this.reached.was, lastAttemptAt: this.reached.at }
  }

  get connectionList(): ReturnType<Connections['list']> {
    return this.connections.list()
  }

  get stats(): PoolStats {
    const { connecting, idle, busy, closing } = this.connections.census()
    const { waiting, size } = this.entries
    return { waiting, connecting, idle, busy, closing, inFlight: size - waiting }
  }

  /**
   * Takes a message; `settle` is called exactly once. After `close` or `destroy` that is at once,
   * with `aborted`. A message that is still here is not taken twice.
   */
  submit(message: Outgoing, settle: (outcome: Outcome) => void): void {
    this.entries.add(message, settle)
    this.usedSinceEmpty = true
    if (this.phase !== 'running') this.entries.takeBack(message)
    this.pulse()
  }

  /**
   * Takes a message back: out of the line, or by cutting the connection that it is on. It ends as
   * `aborted`, or as `delivered` if that was already so.
   */
  abort(message: Outgoing): void {
    const onItsWay = this.entries.takeBack(message)
    for (const connection of onItsWay ? this.connections : []) {
      const { state } = connection
      if (onItsWay && state.kind === 'busy' && state.flying.has(onItsWay)) {
        this.connections.cut(connection)
      }
    }
    this.pulse()
  }

  /** Takes a message back that waits in the line, without an outcome; false: it is on its way. */
  recall(message: Outgoing): boolean {
    const recalled = this.entries.recall(message)
    this.pulse()
    return recalled
  }

  /** Finishes what is waiting and on its way, then closes; resolves when all is closed. */
  close(): Promise<void> {
    if (this.phase === 'running') this.phase = 'closing'
    this.pulse()
    return this.ended
  }

  /** Aborts everything. */
  destroy(): void {
    this.phase = 'destroyed'
    this.entries.takeBackAll()
    for (const connection of this.connections) this.connections.cut(connection)
    this.pulse()
  }

  private opened(connection: Connection, opened: Opened): void {
    if (!this.connections.has(connection)) {
      if (opened.kind === 'open') this.quietly(() => opened.session.destroy())
      return
    }
    if (opened.kind === 'failed') {
      this.openingFailed(connection, opened.dcid, opened.failure)
    } else {
      this.backoff.reset()
      this.note('up')
      this.connections.rest(connection, opened.session, true)
      this.quietly(() => opened.session.onClose(() => this.closed(connection)))
    }
    this.pulse()
  }

  /**
   * With no other connection open or being opened, nobody else can take the messages that waited
   * when this attempt began, so it was theirs. Those that came later have the next one.
   */
  private openingFailed(connection: Connection, dcid: number, failure: Failure): void {
    this.connections.remove(connection)
    this.backoff.failed(this.deps.clock.monotonic(), connection.beganAt)
    const { connecting, idle, busy } = this.connections.census()
    if (idle + busy > 0) return
    this.note('down')
    const outcome = { kind: 'failed', dcid, failure } as const
    if (connecting === 0) this.entries.failThoseBefore(connection.began, outcome)
  }

  private landed(connection: Connection, entry: Entry, result: SendResult): void {
    const { state } = connection
    if (!this.connections.has(connection)) return
    if (state.kind !== 'busy' && state.kind !== 'closing') return
    this.learn(connection, result)
    this.connections.land(connection, state, entry, result.reusable)
    this.entries.settle(entry, result)
    this.pulse()
  }

  private closed(connection: Connection): void {
    const { state } = connection
    if (!this.connections.has(connection) || state.kind === 'connecting') return
    if (state.kind === 'idle') {
      this.endedAfter(connection, this.deps.clock.monotonic() - state.since)
    }
    this.connections.fall(connection, state)
    this.pulse()
  }

  private learn(connection: Connection, { outcome, charged, reusable }: SendResult): void {
    if (charged) connection.answered += 1
    if (outcome.kind === 'delivered') {
      this.note('up')
      if (!reusable) this.endedAfter(connection, 0)
    } else if (outcome.kind === 'failed') {
      const replied = outcome.failure.kind === 'reply'
      if (replied) this.note('up')
      else if (charged) this.note('down')
      if (!charged) this.endedAfter(connection, replied ? 0 : connection.rested)
    }
  }

  private note(was: 'up' | 'down'): void {
    this.reached.at = this.deps.clock.wall()
    this.reached.was = was
  }

  /** The intake ended the connection, `later` milliseconds after the last reply. */
  private endedAfter(connection: Connection, later: number): void {
    if (later > RIGHT_AFTER) return
    this.limit.endedAfter(connection.answered, connection.began, ++this.turn)
  }

  /**
   * Hands out, opens, grows and closes. What it calls may call the pool again; that is written
   * down, and looked at in another round.
   */
  private pulse(): void {
    this.pulseAgain = true
    if (this.pulsing) return
    this.pulsing = true
    try {
      while (this.pulseAgain) {
        this.pulseAgain = false
        this.decide(this.deps.clock.monotonic(), this.deps.options())
        this.entries.tell((work) => this.quietly(work))
        if (!this.pulseAgain) this.tellIfEmpty()
      }
    } finally {
      this.pulsing = false
    }
  }

  private decide(now: number, options: PoolOptions): void {
    this.expire(now)
    this.dismiss(this.mostSent(options))
    this.handOut(options)
    const { first } = this.entries
    if (first) this.dismiss(this.mostSent(options, first))
    const growing = this.grow(now, options)
    const shrinking = this.shrink(now, options)
    this.alarm.set(Math.min(growing, shrinking, this.forget(now), this.nextDeadline()))
  }

  /** Gives up what takes too long to open or to close. */
  private expire(now: number): void {
    for (const connection of this.connections) {
      const { state } = connection
      if (state.kind === 'connecting' && state.deadline <= now) {
        this.connections.cut(connection)
        this.openingFailed(connection, 0, OPENING_TIMED_OUT)
      } else if (state.kind === 'closing' && state.deadline <= now) {
        this.connections.cut(connection)
        this.connections.remove(connection)
        const outcome = { kind: 'aborted', dcid: state.session.dcid } as const
        for (const entry of state.flying) {
          this.entries.settle(entry, { outcome, charged: false, reusable: false })
        }
      }
    }
  }

  /** Closes the idle connections that take no more or had their `mostSent` messages. */
  private dismiss(mostSent: number): void {
    for (const connection of this.connections) {
      const { state } = connection
      if (state.kind !== 'idle') continue
      if (!state.reusable) this.connections.cut(connection)
      else if (connection.sent >= mostSent) this.connections.quit(connection, state)
    }
  }

  private handOut(options: PoolOptions): void {
    for (let entry = this.entries.first; entry; entry = this.entries.first) {
      const connection = this.connections.choose(this.mostSent(options, entry))
      if (!connection) return
      this.send(connection, entry)
    }
  }

  /**
   * Opens what is wanted and missing. Until one connection stands, no more than the floor, and
   * after a failed opening one at a time: an intake that is down must not see a storm. Returns when
   * to look again.
   */
  private grow(now: number, options: PoolOptions): number {
    const { connecting, idle, busy, closing, flying } = this.connections.census()
    const { minConnections, maxConnections } = options
    const wanted = wantedConnections(this.entries.waiting + flying, options)
    const allowed = idle + busy > 0 ? wanted : Math.min(wanted, Math.max(1, minConnections))
    const room = Math.max(minConnections, maxConnections) - closing
    const missing = Math.min(allowed, room) - connecting - idle - busy
    if (missing <= 0) return Infinity
    if (!this.backoff.failing) {
      for (let begun = 0; begun < missing; begun++) this.begin(now, options)
    } else if (connecting === 0) {
      if (now < this.backoff.opensAt) return this.backoff.opensAt
      this.begin(now, options)
    }
    return Infinity
  }

  /**
   * Closes idle connections that are more than wanted, the least recently used first, when their
   * time is over. Returns when to look again.
   */
  private shrink(now: number, options: PoolOptions): number {
    const { connecting, idle, busy, flying } = this.connections.census()
    const queued = this.entries.waiting + flying
    const leaving = queued === 0 && this.phase !== 'running'
    let surplus = connecting + idle + busy - wantedConnections(queued, options)
    for (const connection of this.connections) {
      const { state } = connection
      if (leaving && state.kind === 'connecting') this.connections.cut(connection)
      if (state.kind !== 'idle') continue
      if (surplus <= 0) return Infinity
      const over = leaving ? now : state.since + options.idleTimeout
      if (now < over) return over
      this.connections.quit(connection, state)
      surplus -= 1
    }
    return Infinity
  }

  /** Forgets failed openings when nobody waits for another. Returns when to look again. */
  private forget(now: number): number {
    const { failing, forgottenAt } = this.backoff
    if (!failing || this.entries.size > 0 || this.connections.size > 0) return Infinity
    if (this.phase === 'running' && now < forgottenAt) return forgottenAt
    this.backoff.reset()
    return Infinity
  }

  private nextDeadline(): number {
    let next = Infinity
    for (const { state } of this.connections) {
      if (state.kind === 'idle' || state.kind === 'busy') continue
      next = Math.min(next, state.deadline)
    }
    return next
  }

  /**
   * A connection that got this many messages takes no more. A message that may not come back again
   * takes one that nobody used: there, what goes wrong is the message's own and not the last of
   * a row of connections that the intake has meanwhile given up.
   */
  private mostSent(options: PoolOptions, entry?: Entry): number {
    if (entry && this.entries.isOnLastReturn(entry)) return 1
    return Math.max(1, Math.min(options.messagesPerConnection, this.limit.messages))
  }

  private begin(now: number, options: PoolOptions): void {
    const deadline = now + (options.openTimeout ?? OPEN_TIMEOUT)
    const { connection, signal } = this.connections.begin(++this.turn, deadline)
    void openGuarded(this.deps.open, signal).then((opened) => this.opened(connection, opened))
  }

  private send(connection: Connection, entry: Entry): void {
    const { state } = connection
    if (state.kind !== 'idle' && state.kind !== 'busy') return
    this.entries.leave(entry)
    this.connections.takeOff(connection, state, entry)
    void sendGuarded(state.session, entry.message).then((result) =>
      this.landed(connection, entry, result),
    )
  }

  private tellIfEmpty(): void {
    if (this.entries.size > 0 || this.connections.size > 0 || this.backoff.failing) return
    if (this.phase !== 'running') this.end()
    if (!this.usedSinceEmpty) return
    this.usedSinceEmpty = false
    this.quietly(() => this.deps.onEmpty?.())
  }

  private quietly(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.deps.onMistake?.(error)
    }
  }
}
