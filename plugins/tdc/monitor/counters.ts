import type { SkipReason, TdcEvent } from './events'

/**
 * The counters of one intake address, named as the appliance's `tophosts` shows them (spec 7).
 * All count recipients; a copy has one.
 */
export interface IntakeCounters {
  /** In the queue: committed, not yet ended. */
  active: number
  delivered: number
  /** Attempts that will be retried. */
  softBounced: number
  /** Copies given up, whatever the reason: `tlsErrors` and `expired` are part of it. */
  hardBounced: number
  tlsErrors: number
  expired: number
}

export type SkipCounters = { readonly [token in SkipReason['token']]: number }

export interface CountersValue {
  readonly total: Readonly<IntakeCounters>
  readonly intakes: ReadonlyMap<string, Readonly<IntakeCounters>>
  /** Messages or recipient groups without a copy, by reason. */
  readonly skipped: SkipCounters
  /** Copies that could not be written to the queue. */
  readonly journalFailed: number
  /** Copies sent although the original's outcome was not known. */
  readonly inDoubt: number
  /** Copies taken back because the original was not accepted. */
  readonly withdrawn: number
}

/** Intake addresses counted by name; a queue directory full of invented ones must not fill memory. */
const MOST_INTAKES = 1000
const OTHERS = 'others'

const zero = (): IntakeCounters => ({
  active: 0,
  delivered: 0,
  softBounced: 0,
  hardBounced: 0,
  tlsErrors: 0,
  expired: 0,
})

/** Counts events since the process began. docs/log-reference.md lists every counter. */
export class Counters {
  private readonly total = zero()
  private readonly intakes = new Map<string, IntakeCounters>()
  private readonly skipped = {
    disabled: 0,
    outgoing: 0,
    quarantined: 0,
    discarded: 0,
    'to-intake': 0,
    'own-report': 0,
    'policy-no': 0,
  }
  private journalFailed = 0
  private inDoubt = 0
  private withdrawn = 0

  count(event: TdcEvent): void {
    switch (event.kind) {
      case 'skipped':
        this.skipped[event.reason.token]++
        break
      case 'enqueued':
        if (event.inDoubt) this.inDoubt++
        this.add(event.intake, { active: 1 })
        break
      case 'loaded':
        this.add(event.intake, { active: 1 })
        break
      case 'withdrawn':
        this.withdrawn++
        break
      case 'journal-failed':
        this.journalFailed++
        break
      case 'vanished':
        this.add(event.intake, { active: -1 })
        break
      case 'delivered':
        this.add(event.intake, { active: -1, delivered: 1 })
        break
      case 'deferred':
        this.add(event.intake, { softBounced: 1 })
        break
      case 'tls-error':
        this.add(event.intake, { active: -1, hardBounced: 1, tlsErrors: 1 })
        break
      case 'hard-bounced':
        this.add(event.intake, { active: -1, hardBounced: 1 })
        break
      case 'expired':
        this.add(event.intake, { active: -1, hardBounced: 1, expired: 1 })
        break
    }
  }

  value(): CountersValue {
    return {
      total: { ...this.total },
      intakes: new Map([...this.intakes].map(([intake, counters]) => [intake, { ...counters }])),
      skipped: { ...this.skipped },
      journalFailed: this.journalFailed,
      inDoubt: this.inDoubt,
      withdrawn: this.withdrawn,
    }
  }

  private add(intake: string, change: Partial<IntakeCounters>): void {
    const counters = this.of(intake)
    for (const key of Object.keys(change) as (keyof IntakeCounters)[]) {
      counters[key] += change[key] ?? 0
      this.total[key] += change[key] ?? 0
    }
  }

  private of(intake: string): IntakeCounters {
    const name = this.intakes.has(intake) || this.intakes.size < MOST_INTAKES ? intake : OTHERS
    let counters = this.intakes.get(name)
    if (!counters) this.intakes.set(name, (counters = zero()))
    return counters
  }
}
