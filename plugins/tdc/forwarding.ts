import { randomBytes } from 'node:crypto'
import { systemClock } from './clock'
import type { Connector } from './connector'
import { decide, type Route } from './decide/decision'
import type { MessageFacts } from './decide/message-facts'
import {
  addressOf,
  hasInternationalHeader,
  headerOf,
  messageFacts,
  messageIdOf,
} from './haraka/message'
import { readOriginal } from './haraka/original'
import type { Connection, HarakaPlugin, Transaction } from './haraka/types'
import { TOKEN_HEADER, verifyToken } from './journal/loop-token'
import type { Journey, JournalFailure } from './queue/journey'
import { planCopies } from './queue/plan'
import type { Original, PlannedCopy } from './queue/preparer'

/** Milliseconds kept between our own deadline and the end that Haraka puts to a hook. */
const HOOK_MARGIN = 5_000

/** What a plugin may have done before us so that there is an original without its copy. */
const QUEUED_BEFORE = 'a plugin queued the original before the copy was written'

/**
 * The copies of the messages on their way through this process, by transaction: what the hooks do,
 * in terms of Haraka's objects, without `next`.
 */
export class Forwarding {
  private readonly journeys = new WeakMap<Transaction, Journey>()
  private readonly relayClients = new WeakSet<Transaction>()

  constructor(
    private readonly plugin: HarakaPlugin,
    private readonly connector: Connector,
  ) {}

  /** A recipient was given, and no other plugin has seen it. */
  noteRecipient({ transaction, relaying }: Connection): void {
    // Before the first one, what Haraka relays is the client's: later it may be a recipient's.
    if (transaction && relaying && isFirst(transaction)) this.relayClients.add(transaction)
  }

  /** Who gets a copy, and where does it go? Decided once for each message. */
  decide(connection: Connection, transaction: Transaction): Journey {
    const decided = this.journeys.get(transaction)
    if (decided) return decided
    const { connector, plugin } = this
    const isRelayClient = this.relayClients.has(transaction)
    const facts = messageFacts(connection, transaction, isRelayClient, TOKEN_HEADER)
    const isOwnReport = (token: string) => verifyToken(connector.loopKey, token)
    const { routes, skips } = decide(facts, connector.settings.value, isOwnReport)
    this.tell(facts, routes, transaction)
    for (const { reason, recipients } of skips) {
      transaction.results.add(plugin, { skip: reason.token })
      const { transaction: uuid, sender } = facts
      connector.monitor.report({ kind: 'skipped', transaction: uuid, sender, recipients, reason })
    }
    const journey = connector.journey(routes)
    this.journeys.set(transaction, journey)
    return journey
  }

  private tell(
    { transaction: uuid, sender, recipients }: MessageFacts,
    routes: readonly Route[],
    transaction: Transaction,
  ): void {
    this.connector.monitor.report({
      kind: 'decided',
      transaction: uuid,
      messageId: messageIdOf(transaction) ?? '',
      sender,
      recipients: recipients.map(({ address }) => address),
      routes: routes.map((route) => ({
        intake: route.intake.address,
        recipients: route.recipients.length,
        policies: route.policies,
      })),
    })
  }

  /** Writes the copies ahead; says whether the original may go on to the queue plugins. */
  async prepare(
    journey: Journey,
    connection: Connection,
    transaction: Transaction,
  ): Promise<boolean> {
    const { prepareTimeout, onJournalFailure } = this.connector.settings.value
    const failures = await this.write(journey, connection, transaction, {
      within: prepareTime(this.plugin, prepareTimeout),
      allOrNothing: onJournalFailure === 'tempfail',
    })
    this.reportMissed(transaction, failures)
    return failures.length === 0 || onJournalFailure === 'accept'
  }

  /** The original is queued. */
  commit(connection: Connection, transaction: Transaction): void {
    const missed = this.decide(connection, transaction).commit()
    this.reportMissed(
      transaction,
      missed.map((route) => ({ route, why: QUEUED_BEFORE })),
    )
  }

  /** Of a message that was decided on; undefined otherwise. */
  journeyOf(transaction: Transaction): Journey | undefined {
    return this.journeys.get(transaction)
  }

  private async write(
    journey: Journey,
    connection: Connection,
    transaction: Transaction,
    options: { within: number; allOrNothing: boolean },
  ): Promise<readonly JournalFailure[]> {
    try {
      const original = originalOf(transaction)
      const planned = this.plan(journey, connection, transaction, original)
      const result = await journey.prepare(
        this.connector.queue.preparer,
        original,
        planned,
        options,
      )
      return result.kind === 'failed' ? result.failures : []
    } catch (error) {
      // Nothing here is meant to throw; if it does, it is a missing copy like any other.
      return journey.routes.map((route) => ({ route, why: String(error) }))
    }
  }

  private plan(
    { routes }: Journey,
    connection: Connection,
    transaction: Transaction,
    { messageId }: Original,
  ): PlannedCopy[] {
    const { gateway, loopKey, settings } = this.connector
    return planCopies(
      routes,
      {
        transaction: transaction.uuid,
        gateway,
        reversePath: addressOf(transaction.mail_from),
        subject: headerOf(transaction, 'Subject'),
        messageId,
        clientIp: connection.remote.ip,
        date: systemClock.wall(),
        internationalHeader: routes.some(isPlainCopy) && hasInternationalHeader(transaction),
      },
      { settings: settings.value, loopKey, random: randomBytes },
    )
  }

  private reportMissed({ uuid, results }: Transaction, failures: readonly JournalFailure[]): void {
    const policy = this.connector.settings.value.onJournalFailure
    for (const { route, why } of failures) {
      const intake = route.intake.address
      results.add(this.plugin, { skip: 'journal-failed' })
      const { report } = this.connector.monitor
      report({ kind: 'journal-failed', transaction: uuid, intake, policy, why })
    }
  }
}

/** No recipient was looked at before. */
function isFirst({ rcpt_to, rcpt_count: { accept, tempfail, reject } }: Transaction): boolean {
  return rcpt_to.length === 1 && accept + tempfail + reject === 0
}

/** Only there the original's header becomes the copy's own. */
function isPlainCopy({ intake }: Route): boolean {
  return intake.format === 'bcc'
}

function originalOf(transaction: Transaction): Original {
  return {
    messageId: messageIdOf(transaction),
    octets: transaction.data_bytes,
    read: (take, signal) => readOriginal(transaction, take, signal, systemClock),
  }
}

function prepareTime({ timeout }: HarakaPlugin, wanted: number): number {
  if (timeout === 0) return wanted
  const hook = timeout * 1000
  return Math.min(wanted, Math.max(hook - HOOK_MARGIN, hook / 2))
}
