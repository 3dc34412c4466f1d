import { Heap, type Placed } from '../base/heap'
import type { Clock } from '../clock'
import { Alarm } from '../delivery/alarm'

/** Appointments that are kept in one turn: when thousands are due together, other mail has its turns between. */
const KEPT_AT_ONCE = 64

/** On the monotonic clock, in milliseconds; out of the heap when it was kept, or cancelled. */
export interface Appointment<T> extends Placed {
  readonly what: T
}

/**
 * A moment for each of very many things, and one timer: a timer of Node.js for each takes ten times the
 * memory.
 */
export class Appointments<T> {
  private readonly heap = new Heap<Appointment<T>>()
  private readonly alarm: Alarm

  constructor(
    private readonly clock: Clock,
    private readonly keep: (what: T) => void,
  ) {
    this.alarm = new Alarm(clock, () => this.ring())
  }

  /**
   * `keep` is called with `what` at this moment of the monotonic clock, or in the millisecond behind it: a
   * fraction would be an object of its own.
   */
  at(moment: number, what: T): Appointment<T> {
    const appointment = { what, at: Math.ceil(moment), place: -1 }
    this.heap.add(appointment)
    this.setAlarm()
    return appointment
  }

  cancel(appointment: Appointment<T>): void {
    if (appointment.place < 0) return
    this.heap.take(appointment)
    this.setAlarm()
  }

  private ring(): void {
    const now = this.clock.monotonic()
    for (let kept = 0; kept < KEPT_AT_ONCE; kept++) {
      const next = this.heap.first
      if (!next || next.at > now) break
      this.heap.take(next)
      this.keep(next.what)
    }
    this.setAlarm()
  }

  private setAlarm(): void {
    this.alarm.set(this.heap.first?.at ?? Infinity)
  }
}
