import { systemClock } from './clock'
import type { Connector } from './compose'
import type { Route } from './decide/decision'
import { identityOf } from './haraka/message'
import type { Connection, HarakaPlugin, Transaction } from './haraka/types'
import { hasBareCr } from './queue/bare-cr'
import type { Journey } from './queue/journey'
import { originalOf, planOf, writingTime } from './writing'

/** A copy that is missing; without an intake when it is not known where it ought to have gone. */
export interface Miss {
  readonly intake: string | undefined
  readonly why: string
}

/** Has the copies of Haraka's messages written to the queue. */
export class WriteAhead {
  constructor(
    private readonly plugin: HarakaPlugin,
    private readonly connector: Connector,
  ) {}

  /** What of the journey's copies is missing; never rejects. `before`: copies planned before. */
  async write(
    journey: Journey,
    connection: Connection,
    transaction: Transaction,
    before: number,
  ): Promise<Miss[]> {
    const { connector, plugin } = this
    const { routes } = journey
    if (routes.length === 0) return []
    try {
      const original = originalOf(transaction, connector)
      const planned = planOf(routes, connection, transaction, connector, before)
      const result = await journey.prepare(connector.queue.preparer, original, planned, {
        within: writingTime(plugin, connector),
        allOrNothing: connector.settings.value.main.onJournalFailure === 'tempfail',
      })
      return result.kind === 'failed'
        ? result.failures.map(({ route, why }) => missOf(route, why))
        : []
    } catch (error) {
      const why = `the copy could not be prepared: ${String(error)}`
      return routes.map((route) => missOf(route, why))
    }
  }

  /** The first copies of a message, anew with what is in its header now; why not, when it failed. */
  rewrite(
    journey: Journey,
    connection: Connection,
    transaction: Transaction,
  ): Promise<string | undefined> {
    const { connector, plugin } = this
    const original = originalOf(transaction, connector)
    const planned = planOf(journey.routes, connection, transaction, connector, 0)
    const within = writingTime(plugin, connector)
    return journey.rewrite(connector.queue.preparer, original, planned, within)
  }

  /** What core may add to; undefined: its header cannot be asked. */
  identity(transaction: Transaction): string | undefined {
    try {
      return identityOf(transaction)
    } catch {
      return undefined
    }
  }

  /** Whether the message holds a bare CR. */
  hasBareCr(transaction: Transaction): Promise<boolean> {
    const { read } = originalOf(transaction, this.connector)
    return hasBareCr(read, writingTime(this.plugin, this.connector), systemClock)
  }
}

export function missOf({ intake }: Route, why: string): Miss {
  return { intake: intake.address, why }
}
