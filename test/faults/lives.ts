import { setTimeout as sleep } from 'node:timers/promises'
import type { HarakaServer } from '../support/haraka'
import type { Copy } from '../support/intake'
import type { Ledger } from '../support/ledger'
import { subjectOf } from './mail-run'

/** Milliseconds in which the intake reads what a killed worker had written. */
const LAST_OCTETS = 50

/** What is looked at of a mail's path: who is killed, and what arrives. */
export interface Watched {
  readonly haraka: Pick<HarakaServer, 'killsBefore'>
  readonly intake: { readonly copies: Pick<Ledger<Pick<Copy, 'raw' | 'connectedAt'>>, 'listen'> }
}

/**
 * Between which kills each copy was sent: without one between, none is sent twice. What the intake sees
 * of a killed gateway after the kill, and even after the next start, came over a connection of before.
 */
export class Lives {
  private workers = 0
  private readonly copies = new Map<string, string[]>()

  constructor({ haraka, intake }: Watched) {
    intake.copies.listen(({ raw, connectedAt }) => {
      const subject = subjectOf(raw)
      const life = `${haraka.killsBefore(connectedAt)} ${this.workers}`
      this.copies.set(subject, [...(this.copies.get(subject) ?? []), life])
    })
  }

  /** One of several processes was killed. */
  async end(): Promise<void> {
    await sleep(LAST_OCTETS)
    this.workers++
  }

  get duplicates(): number {
    return [...this.copies.values()].reduce((sum, lives) => sum + lives.length - 1, 0)
  }

  /** The copies of a mail that came in a life that had sent one already. */
  needless(subject: string): number {
    const lives = this.copies.get(subject) ?? []
    return lives.length - new Set(lives).size
  }
}
