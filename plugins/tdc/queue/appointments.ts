import type { Clock } from '../clock'
import { Alarm } from '../delivery/alarm'

/** Appointments that are kept in one turn: when thousands are due together, other mail has its turns between. */
const KEPT_AT_ONCE = 64

export interface Appointment<T> {
  readonly what: T
  /** On the monotonic clock, in milliseconds. */
  readonly at: number
  /** Its place in the heap; -1: kept, or cancelled. */
  place: number
}

/**
 * A moment for each of very many things, and one timer: a timer of Node.js for each takes ten times the
 * memory. The next one stands at the top of a binary heap.
 */
export class Appointments<T> {
  private readonly heap: Appointment<T>[] = []
  private readonly alarm: Alarm

  constructor(
    private readonly clock: Clock,
    private readonly keep: (what: T) => void,
  ) {
    this.alarm = new Alarm(clock, () => this.ring())
  }

  /** `keep` is called with `what` after so many milliseconds. */
  after(milliseconds: number, what: T): Appointment<T> {
    const at = this.clock.monotonic() + Math.max(0, milliseconds)
    const appointment = { what, at, place: this.heap.length }
    this.heap.push(appointment)
    this.rise(appointment)
    this.setAlarm()
    return appointment
  }

  cancel(appointment: Appointment<T>): void {
    if (appointment.place < 0) return
    this.take(appointment)
    this.setAlarm()
  }

  private ring(): void {
    const now = this.clock.monotonic()
    for (let kept = 0; kept < KEPT_AT_ONCE; kept++) {
      const [next] = this.heap
      if (!next || next.at > now) break
      this.take(next)
      this.keep(next.what)
    }
    this.setAlarm()
  }

  private setAlarm(): void {
    this.alarm.set(this.heap[0]?.at ?? Infinity)
  }

  private take(appointment: Appointment<T>): void {
    const last = this.heap.pop()
    if (last && last !== appointment) {
      last.place = appointment.place
      this.heap[last.place] = last
      this.rise(last)
      this.sink(last)
    }
    appointment.place = -1
  }

  private rise(appointment: Appointment<T>): void {
    while (appointment.place > 0) {
      const above = this.heap[(appointment.place - 1) >> 1]
      if (!above || above.at <= appointment.at) return
      this.swap(above, appointment)
    }
  }

  private sink(appointment: Appointment<T>): void {
    for (;;) {
      const left = this.heap[2 * appointment.place + 1]
      const right = this.heap[2 * appointment.place + 2]
      const below = right && left && right.at < left.at ? right : left
      if (!below || below.at >= appointment.at) return
      this.swap(appointment, below)
    }
  }

  private swap(one: Appointment<T>, other: Appointment<T>): void {
    const { place } = one
    one.place = other.place
    other.place = place
    this.heap[one.place] = one
    this.heap[other.place] = other
  }
}
