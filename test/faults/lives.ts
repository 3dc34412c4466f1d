import { setTimeout as sleep } from 'node:timers/promises'
import type { MailPath } from '../support/mail-path'
import { subjectOf } from './mail-run'

/** Milliseconds in which the intake reads what a killed gateway had written. */
const LAST_OCTETS = 50

/** Between which kills each copy came: without one between, none is sent twice. */
export class Lives {
  private life = 0
  private readonly copies = new Map<string, number[]>()

  constructor(path: MailPath) {
    path.intake.copies.listen(({ raw }) => {
      const subject = subjectOf(raw)
      this.copies.set(subject, [...(this.copies.get(subject) ?? []), this.life])
    })
  }

  async end(): Promise<void> {
    await sleep(LAST_OCTETS)
    this.life++
  }

  get duplicates(): number {
    return [...this.copies.values()].reduce((sum, lives) => sum + lives.length - 1, 0)
  }

  violations(): string[] {
    return [...this.copies].flatMap(([subject, lives]) =>
      new Set(lives).size === lives.length ? [] : [`I2 ${subject}: twice without a kill between`],
    )
  }
}
