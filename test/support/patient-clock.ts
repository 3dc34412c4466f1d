import { setTimeout as sleep } from 'node:timers/promises'
import { FakeClock } from './fake-clock'

/** Milliseconds by which it moves at a time. */
const STEP = 20

/**
 * A clock that moves by itself, with the system's where the machine has time, and more slowly where it has
 * none: between two steps everything that is there is read and answered. So a time that is over says
 * something about the other side, and nothing about how busy this machine is.
 */
export class PatientClock extends FakeClock {
  private stopped = false

  constructor() {
    super()
    this.setWall(Date.now())
    void this.run()
  }

  /** Resolves after `ms` milliseconds of its time. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }

  stop(): void {
    this.stopped = true
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      await sleep(STEP)
      await this.advance(STEP)
    }
  }
}
