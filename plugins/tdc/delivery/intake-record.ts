import type { Clock } from '../clock'
import type { Reached } from '../monitor/status'
import type { Connection } from './connection'
import { LearnedLimit } from './learned-limit'
import type { SendResult, Session } from './session'

/** A close this soon after a reply belongs to it; a later one is an idle timeout or a restart. */
const RIGHT_AFTER = 1000

/** What a pool has learned of its intake: whether it is up, and how much one connection carries. */
export class IntakeRecord {
  private reached: { at: number | null; was: Reached } = { at: null, was: 'unknown' }
  private readonly limit: LearnedLimit

  /** `nextTurn` counts up; it tells what came before what. */
  constructor(
    private readonly clock: Clock,
    private readonly nextTurn: () => number,
  ) {
    this.limit = new LearnedLimit(clock)
  }

  /** Whether the intake could be reached, as of the last attempt to connect or to deliver. */
  get lastAttempt(): Reached {
    return this.reached.was
  }

  /** When that was, on the wall clock; null: never. */
  get lastAttemptAt(): number | null {
    return this.reached.at
  }

  /** Messages that one connection carries; Infinity while nothing is known. */
  get messages(): number {
    return this.limit.messages
  }

  note(was: 'up' | 'down'): void {
    this.reached = { at: this.clock.wall(), was }
  }

  /** What became of a message on `connection`, which has this `session`. */
  landed(
    connection: Connection,
    session: Session,
    { outcome, charged, reusable }: SendResult,
  ): void {
    if (charged) connection.answered += 1
    if (outcome.kind === 'delivered') {
      this.note('up')
      if (!reusable) this.endedAfter(connection, session, 0)
    } else if (outcome.kind === 'failed') {
      const replied = outcome.failure.kind === 'reply'
      if (replied) this.note('up')
      else if (charged) this.note('down')
      if (!charged) this.endedAfter(connection, session, replied ? 0 : connection.rested)
    }
  }

  /** The connection ended, `later` milliseconds after the last reply. What we end ourselves is no limit. */
  endedAfter(connection: Connection, session: Session, later: number): void {
    if (!session.endedByIntake || later > RIGHT_AFTER) return
    this.limit.endedAfter(connection.answered, connection.began, this.nextTurn())
  }
}
