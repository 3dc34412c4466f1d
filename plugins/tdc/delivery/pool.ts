import type { PoolStatus, Reached } from '../monitor/status'
import { Alarm } from './alarm'
import { Backoff } from '../base/backoff'
import type { PoolConnection } from './connection'
import { UNLIMITED } from './connection-budget'
import { Connections, HANGS_AFTER } from './connections'
import { Entries, type PooledMessage } from './entries'
import { faultOf } from '../smtp/fault'
import { openGuarded, sendGuarded } from './guard'
import { IntakeRecord } from './intake-record'
import { isOutOfDescriptors } from '../smtp/loss'
import type { Failure, Outcome } from '../smtp/outcome'
import type { Outgoing } from '../smtp/outgoing'
import type { PoolDeps } from './pool-options'
import { type PoolParts, Round } from './round'
import type { Opened, SendResult } from '../smtp/session'

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

/**
 * Owners that are told in one turn what became of their messages, with lines of the log and calls to
 * the disk for each: all that waited for an opening fail together, and other mail has its turns between.
 */
const TOLD_AT_ONCE = 16

/**
 * The connections to one destination and the messages for it. What happens outside is written down
 * by `submit`, `abort`, `opened`, `landed` and `closed`; each of them, and the alarm, ends in
 * `pulse`, and only `pulse` decides what to do about it.
 */
export class Pool {
  private readonly entries = new Entries(() => ++this.turn)
  private readonly connections: Connections
  private readonly backoff: Backoff
  private readonly intake: IntakeRecord
  private readonly parts: PoolParts
  private readonly alarm: Alarm
  /** Counts what begins and what joins the line, to tell what came before what. */
  private turn = 0
  private destroyed = false
  private pulsing = false
  private pulseAgain = false
  private usedSinceEmpty = false

  constructor(private readonly deps: PoolDeps) {
    const seats = deps.seats?.(() => this.pulse()) ?? UNLIMITED
    this.connections = new Connections(deps.clock, seats, (work) => this.quietly(work))
    this.backoff = new Backoff(deps.random)
    this.intake = new IntakeRecord(deps.clock, () => ++this.turn)
    this.alarm = new Alarm(deps.clock, () => this.pulse())
    this.parts = {
      entries: this.entries,
      connections: this.connections,
      backoff: this.backoff,
      intake: this.intake,
      seats,
      begin: (deadline) => this.begin(deadline),
      send: (connection, entry) => this.send(connection, entry),
      openingFailed: (...failed) => this.openingFailed(...failed),
    }
  }

  /** Whether the intake could be reached, as of the last attempt to connect or to deliver. */
  get lastAttempt(): Reached {
    return this.intake.lastAttempt
  }

  /** What people want to know of it. */
  get status(): PoolStatus {
    const { lastAttempt, lastAttemptAt } = this.intake
    return { ...this.stats, lastAttempt, lastAttemptAt, limits: this.intake.limits }
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
   * Takes a message; `settle` is called exactly once. After `destroy` that is at once, with
   * `aborted`. A message that is still here is not taken twice.
   */
  submit(message: Outgoing, settle: (outcome: Outcome, message: Outgoing) => void): void {
    this.entries.add(message, settle)
    this.usedSinceEmpty = true
    if (this.destroyed) this.entries.takeBack(message)
    this.pulse()
  }

  /**
   * Takes a message back: out of the line, or by cutting the connection that it is on. It ends as
   * `aborted`, or as `delivered` if that was already so. Others on that connection are first given
   * some seconds to land: the intake may have them, and would get them again.
   */
  abort(message: Outgoing): void {
    const onItsWay = this.entries.takeBack(message)
    const connection = onItsWay && this.connections.carrierOf(onItsWay)
    if (connection) this.part(connection)
    this.pulse()
  }

  /** Takes a message back that waits in the line, without an outcome; false: it is on its way. */
  recall(message: Outgoing): boolean {
    const recalled = this.entries.recall(message)
    this.pulse()
    return recalled
  }

  /** Aborts everything. */
  destroy(): void {
    this.destroyed = true
    this.backoff.reset()
    this.entries.takeBackAll()
    for (const connection of this.connections) this.connections.cut(connection)
    this.pulse()
  }

  /** Ends a connection on which a message was taken back. */
  private part(connection: PoolConnection): void {
    const { state } = connection
    if (state.kind !== 'busy' && state.kind !== 'closing') return
    if ([...state.flying].every(({ aborted }) => aborted)) this.connections.cut(connection)
    else if (state.kind === 'busy') this.connections.drain(connection, state)
  }

  private opened(connection: PoolConnection, opened: Opened): void {
    if (!this.connections.has(connection)) {
      if (opened.kind === 'open') this.quietly(() => opened.session.destroy())
      return
    }
    if (opened.kind === 'failed') {
      this.openingFailed(connection, opened.dcid, opened.failure)
    } else {
      this.backoff.reset()
      this.intake.opened()
      connection.addresses = opened.addresses
      connection.retired = this.intake.hasRefusedSince(connection, opened)
      this.connections.rest(connection, opened.session, true)
      const { idle, busy } = this.connections.census()
      this.intake.connections.opened(idle + busy, connection.beganAt)
      this.quietly(() => opened.session.onClose(() => this.closed(connection)))
    }
    this.pulse()
  }

  /**
   * With no other connection open or being opened in the same step, nobody else can take the messages
   * that waited when this attempt began, so it was theirs. Those that came later have the next one.
   */
  private openingFailed(connection: PoolConnection, dcid: number, failure: Failure): void {
    const { beganAt } = connection
    this.connections.remove(connection)
    if (isOutOfDescriptors(failure)) {
      this.parts.seats.exhausted()
      return
    }
    const { idle, busy, greeted } = this.connections.census()
    const taken = idle + busy + (isUngreeted(connection, failure) ? greeted : 0)
    if (taken > 0) {
      if (isRefusal(failure)) this.intake.connections.refused(taken, beganAt)
      else this.backoff.failed(this.deps.clock.monotonic(), beganAt)
      return
    }
    this.backoff.failed(this.deps.clock.monotonic(), beganAt)
    this.intake.note('down')
    const meaning = this.intake.meaningOf(failure)
    const outcome = { kind: 'failed', dcid, failure: meaning, unsent: true } as const
    const isLast = [...this.connections].every(
      (other) => other.state.kind !== 'connecting' || other.beganAt >= beganAt + HANGS_AFTER,
    )
    if (isLast && !isTooMuch(failure)) this.entries.failThoseBefore(connection.began, outcome)
  }

  private landed(connection: PoolConnection, entry: PooledMessage, result: SendResult): void {
    const { state } = connection
    if (!this.connections.has(connection)) return
    if (state.kind !== 'busy' && state.kind !== 'closing') return
    const { outcome } = result
    if (outcome.kind === 'failed' && isOutOfDescriptors(outcome.failure))
      this.parts.seats.exhausted()
    const { cost, retires } = this.intake.landed(connection, state.session, result, entry.handedAt)
    this.connections.retire(connection, state.session.remote, retires)
    this.connections.land(connection, state, entry, result.reusable)
    this.entries.settle(entry, outcome, cost)
    this.pulse()
  }

  private closed(connection: PoolConnection): void {
    const { state } = connection
    if (!this.connections.has(connection) || state.kind === 'connecting') return
    if (state.kind === 'idle') {
      const rested = this.deps.clock.monotonic() - state.since
      this.intake.endedAfter(connection, state.session, rested)
    }
    this.connections.fall(connection, state)
    this.pulse()
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
        const round = new Round(this.parts, this.deps.clock.monotonic(), this.deps.options())
        this.alarm.set(round.decide())
        const most = this.destroyed ? Infinity : TOLD_AT_ONCE
        const more = this.entries.tell((work) => this.quietly(work), most)
        if (more) this.alarm.set(this.deps.clock.monotonic())
        else if (!this.pulseAgain) this.tellIfEmpty()
      }
    } finally {
      this.pulsing = false
    }
  }

  private begin(deadline: number): void {
    const { connection, signal } = this.connections.begin(++this.turn, deadline)
    const greeted = (): void => {
      connection.greeted = true
      this.pulse()
    }
    openGuarded(this.deps.open, signal, greeted)
      .then((opened) => this.opened(connection, opened))
      .catch((error: unknown) => this.mistaken(error))
  }

  private send(connection: PoolConnection, entry: PooledMessage): void {
    const { state } = connection
    if (state.kind !== 'idle' && state.kind !== 'busy') return
    this.entries.leave(entry)
    entry.handedAt = this.deps.clock.monotonic()
    this.connections.takeOff(connection, state, entry)
    sendGuarded(state.session, entry.message)
      .then((result) => this.landed(connection, entry, result))
      .catch((error: unknown) => this.mistaken(error))
  }

  private tellIfEmpty(): void {
    if (this.entries.size > 0 || this.connections.size > 0 || this.backoff.failing) return
    if (!this.usedSinceEmpty) return
    this.usedSinceEmpty = false
    this.quietly(() => this.deps.onEmpty?.())
  }

  private quietly(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.mistaken(error)
    }
  }

  private mistaken(error: unknown): void {
    this.deps.onMistake?.(error)
  }
}

/** The intake does not want a further connection: it says so, or closes it, or its listener is full. */
function isRefusal(failure: Failure): boolean {
  if (failure.kind === 'reply') return true
  return failure.kind === 'network' && ['closed', 'reset', 'refused'].includes(failure.details)
}

/** It was accepted, and sent away in place of a greeting; one that is only cut may meet a restart. */
function isUngreeted({ greeted }: PoolConnection, failure: Failure): boolean {
  return (
    !greeted && isRefusal(failure) && !(failure.kind === 'network' && failure.details !== 'closed')
  )
}

/** The intake has too much from us: a copy waits, for that is no attempt of it. */
function isTooMuch(failure: Failure): boolean {
  if (failure.kind !== 'reply') return false
  return faultOf({ ...failure, used: false, firstChunk: false }) === 'intake'
}
