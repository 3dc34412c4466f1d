import type { Connector } from './compose'
import { askedOf, verdictsOf } from './decide/clean'
import { decide, type Route } from './decide/decision'
import type { MessageFacts } from './decide/message-facts'
import { GivenRecipients } from './haraka/given-recipients'
import { messageFacts, messageIdOf, unreadableRecipients } from './haraka/message'
import type { Connection, HarakaPlugin, Transaction } from './haraka/types'
import { TOKEN_HEADER } from './journal/loop-token'
import type { OwnReports } from './own-reports'

/** What was decided of a message. */
export interface Decided {
  /** Undefined: the decision failed. */
  readonly facts: MessageFacts | undefined
  readonly routes: readonly Route[]
  /** The recipients that were decided on, as Haraka had them. */
  readonly recipients: readonly unknown[]
  /** Why some, or all, could not be decided on, until that is told. */
  failure: string | undefined
}

/**
 * Who of a message's recipients gets a copy, of Haraka's objects, and told: in the log, to tracking, and
 * to plugins that look at results.
 */
export class MessageDecisions {
  private readonly relayClients = new WeakSet<Transaction>()
  private readonly given = new WeakMap<Transaction, GivenRecipients>()

  constructor(
    private readonly plugin: HarakaPlugin,
    private readonly connector: Connector,
    private readonly ownReports: OwnReports,
  ) {}

  /** A recipient was given, and no other plugin has seen it. */
  noteRecipient(transaction: Transaction, relaying: boolean): void {
    // Before the first one, what Haraka relays is the client's: later it may be a recipient's.
    if (relaying && isFirst(transaction)) this.relayClients.add(transaction)
    this.givenOf(transaction).note(transaction.rcpt_to)
  }

  /** Never throws: what cannot be decided is a failure, unless copies are off. */
  of(connection: Connection, transaction: Transaction): Decided {
    try {
      const recipients = [...transaction.rcpt_to]
      const facts = this.factsOf(connection, transaction)
      const routes = this.routesFor(facts, transaction)
      this.tell(facts, routes, transaction)
      const unreadable = routes.length > 0 || facts.recipients.length === 0
      const failure = unreadable ? unreadableText(unreadableRecipients(transaction)) : undefined
      return { facts, routes, recipients, failure: this.ifEnabled(failure) }
    } catch (error) {
      const failure = this.ifEnabled(`the decision failed: ${String(error)}`)
      return { facts: undefined, routes: [], recipients: [], failure }
    }
  }

  /** Of some recipients of it; the others are told of. */
  routesFor(facts: MessageFacts, transaction: Transaction): readonly Route[] {
    const { monitor, settings } = this.connector
    const isOwnReport = () => this.ownReports.has(transaction)
    const { routes, skips } = decide(facts, settings.value, isOwnReport)
    const { transaction: uuid, sender } = facts
    for (const { reason, recipients } of skips) {
      addSkip(this.plugin, transaction, reason.token)
      monitor.report({ kind: 'skipped', transaction: uuid, sender, recipients, reason })
    }
    return routes
  }

  private factsOf(connection: Connection, transaction: Transaction): MessageFacts {
    const isRelayClient = this.relayClients.has(transaction)
    const given = this.givenOf(transaction)
    const asked = askedOf(this.connector.settings.value.unless)
    return messageFacts(connection, transaction, isRelayClient, given, TOKEN_HEADER, asked)
  }

  /** No more recipients come. */
  forget(transaction: Transaction): void {
    this.given.delete(transaction)
  }

  private givenOf(transaction: Transaction): GivenRecipients {
    const known = this.given.get(transaction) ?? new GivenRecipients()
    this.given.set(transaction, known)
    return known
  }

  private ifEnabled(failure: string | undefined): string | undefined {
    return this.connector.settings.value.effective.enabled ? failure : undefined
  }

  private tell(
    { transaction: uuid, sender, recipients, results = {} }: MessageFacts,
    routes: readonly Route[],
    transaction: Transaction,
  ): void {
    this.connector.monitor.report({
      kind: 'decided',
      transaction: uuid,
      messageId: messageIdOf(transaction) ?? '',
      sender,
      recipients: recipients.map(({ address }) => address),
      rewritten: recipients.flatMap(({ address, given = [] }) =>
        given.map((before) => ({ given: before.address, address })),
      ),
      verdicts: verdictsOf(results, this.connector.settings.value.unless),
      routes: routes.map((route) => ({
        intake: route.intake.address,
        recipients: route.recipients.length,
        policies: route.policies,
      })),
    })
  }
}

/** Says to other plugins why there is no copy. */
export function addSkip(plugin: HarakaPlugin, { results }: Transaction, skip: string): void {
  try {
    results.add(plugin, { skip })
  } catch {
    // Whoever took the results away does not want to know.
  }
}

function unreadableText(recipients: number): string | undefined {
  if (recipients === 0) return undefined
  return `${recipients === 1 ? 'a recipient is' : `${recipients} recipients are`} no address`
}

/** No recipient was looked at before. */
function isFirst({ rcpt_to, rcpt_count: { accept, tempfail, reject } }: Transaction): boolean {
  return rcpt_to.length === 1 && accept + tempfail + reject === 0
}
