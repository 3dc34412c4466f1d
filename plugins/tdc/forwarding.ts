import type { Connector } from './compose'
import type { Route } from './decide/decision'
import type { AddressFacts, RecipientFacts } from './decide/message-facts'
import { addressFacts, addressOf } from './haraka/address-facts'
import { GivenRecipients } from './haraka/given-recipients'
import { identityOf } from './haraka/message'
import type { OriginalWatch, Told } from './haraka/original-watch'
import type { Connection, HarakaPlugin, Transaction } from './haraka/types'
import { Watches } from './haraka/watches'
import { addSkip, type Decided, MessageDecisions } from './message-decisions'
import { OwnReports } from './own-reports'
import { type Fate, fateOf, strangersIn } from './queue/fate'
import type { Journey } from './queue/journey'
import { type Miss, missOf, WriteAhead } from './write-ahead'

/** What a plugin may have done before us so that there is an original without its copy. */
const QUEUED_BEFORE = 'a plugin queued the original before the copy was written'

const NOBODY_HAS_IT: Fate = { kind: 'nowhere', because: 'deferred' }

/** What becomes of an original whose copies were to be written. */
type Prepared = 'goes on' | 'deferred' | 'refused'

/** One message on its way through the hooks. */
interface Passage extends Omit<Decided, 'routes'> {
  readonly journey: Journey
  /** Of which header the copies were written, and whose they were. */
  identity?: string | undefined
  connection?: Connection
}

/**
 * The copies of the messages on their way through this process, by transaction: what the hooks do,
 * in terms of Haraka's objects, without `next`. Nothing here throws or rejects: a failure of ours is
 * a missing copy like any other, told once, and `on_journal_failure` answers.
 */
export class Forwarding {
  private readonly passages = new WeakMap<Transaction, Passage>()
  readonly ownReports: OwnReports
  private readonly watches: Watches
  private readonly ahead: WriteAhead
  private readonly decisions: MessageDecisions

  constructor(
    private readonly plugin: HarakaPlugin,
    private readonly connector: Connector,
  ) {
    this.watches = new Watches(plugin)
    this.ahead = new WriteAhead(plugin, connector)
    this.ownReports = new OwnReports(plugin, connector)
    this.decisions = new MessageDecisions(plugin, connector, this.ownReports)
  }

  /** What of this Haraka cannot be seen. */
  warnings(): string[] {
    return this.watches.warnings()
  }

  /** A recipient was given, and no other plugin has seen it. From the first on it is seen who reads. */
  noteRecipient(connection: Connection): void {
    const { transaction, relaying } = connection
    if (!transaction) return
    this.watchOf(connection, transaction)
    this.decisions.noteRecipient(transaction, relaying)
  }

  /** Who gets a copy, and where does it go? Decided once for each message. */
  decide(connection: Connection, transaction: Transaction): void {
    this.passageOf(connection, transaction)
  }

  /**
   * Writes the copies ahead; says whether the original may go on to the queue plugins. It is refused for
   * nothing but a bare CR, and where the settings say so.
   */
  async prepare(connection: Connection, transaction: Transaction): Promise<Prepared> {
    try {
      return await this.prepared(connection, transaction)
    } catch (error) {
      const { connector } = this
      const nothing = { facts: undefined, journey: connector.journey([]), recipients: [] }
      // Told once; whatever comes of this message is not looked at any more.
      this.passages.get(transaction)?.journey.settle(() => NOBODY_HAS_IT)
      this.passages.set(transaction, { ...nothing, failure: undefined })
      const why = `the copies could not be prepared: ${String(error)}`
      return this.answer(transaction, [{ intake: undefined, why }])
    }
  }

  private async prepared(connection: Connection, transaction: Transaction): Promise<Prepared> {
    await this.ownReports.recognise(transaction)
    const passage = this.passageOf(connection, transaction)
    const misses = decisionMisses(passage)
    if (await this.isUnwanted(passage, transaction)) return 'refused'
    this.watchOf(connection, transaction)?.queueBegins(connection)
    passage.connection = connection
    passage.identity = this.ahead.identity(transaction)
    misses.push(...(await this.ahead.write(passage.journey, connection, transaction, 0)))
    return this.answer(transaction, misses)
  }

  private answer(transaction: Transaction, misses: readonly Miss[]): Prepared {
    this.tellMissed(transaction, misses)
    const { onJournalFailure } = this.connector.settings.value.main
    return misses.length === 0 || onJournalFailure === 'accept' ? 'goes on' : 'deferred'
  }

  private async isUnwanted({ journey }: Passage, transaction: Transaction): Promise<boolean> {
    const { journal } = this.connector.settings.value
    if (journal.bareCr !== 'refuse' || journey.routes.length === 0) return false
    // What cannot be read here cannot be copied either, and that is told.
    if (!(await this.ahead.hasBareCr(transaction).catch(() => false))) return false
    const { uuid, mail_from: from } = transaction
    const sender = addressOf(from)
    this.connector.monitor.report({ kind: 'original-refused', transaction: uuid, sender })
    return true
  }

  /**
   * Core's outbound may have added a Message-Id or a Date that was missing: then the copies are written
   * anew, so that they tell what the mailbox gets.
   */
  async rewrite(transaction: Transaction): Promise<void> {
    const passage = this.passages.get(transaction)
    try {
      if (!passage?.connection || passage.identity === identityOf(transaction)) return
      const why = await this.ahead.rewrite(passage.journey, passage.connection, transaction)
      if (why !== undefined) throw new Error(why)
    } catch (error) {
      const text =
        `Message ${transaction.uuid}: its copies lack what Haraka added to the original's header: ` +
        String(error)
      this.connector.monitor.report({ kind: 'problem', text })
    }
  }

  /** The original is queued. What is returned is to be waited for: further copies are written. */
  commit(connection: Connection, transaction: Transaction): Promise<void> | undefined {
    return this.settle(this.passageOf(connection, transaction), connection, transaction, 'queued')
  }

  /** The transaction ends, in whatever way. As with `commit`. */
  resolve(connection: Connection, transaction: Transaction): Promise<void> | undefined {
    this.ownReports.giveUp(transaction)
    const passage = this.passages.get(transaction)
    const settled = passage && this.settle(passage, connection, transaction, toldOf(transaction))
    if (!passage?.journey.isWaiting) this.forget(transaction)
    return settled
  }

  /**
   * What is known of a message leads back to it, and what leads back to its key stays in a WeakMap until
   * V8 collects all of its memory: a message and its connection would, each time, be there for seconds.
   */
  private forget(transaction: Transaction): void {
    this.passages.delete(transaction)
    this.watches.forget(transaction)
    this.decisions.forget(transaction)
  }

  /**
   * The original is refused, and nobody has it: its copies are withdrawn before the client hears that, or a
   * crash would send a copy of what was refused.
   */
  async refuse(connection: Connection, transaction: Transaction, told: Told): Promise<void> {
    const passage = this.passages.get(transaction)
    if (!passage || passage.journey.isOver || passage.journey.routes.length === 0) return
    const watch = this.watchOf(connection, transaction)
    if (!watch) return
    const fate = fateOf(told, watch.seen(told), recipientsOf(transaction))
    if (fate.kind !== 'nowhere') return
    this.settleNow(passage, transaction, () => fate)
    await passage.journey.whenWithdrawn()
  }

  /** A queue plugin ran out of time: it may go on with the original all the same. */
  queueTimedOut(connection: Connection, transaction: Transaction, plugin: string): void {
    this.watchOf(connection, transaction)?.timedOut(plugin)
  }

  private watchOf(connection: Connection, transaction: Transaction): OriginalWatch | undefined {
    try {
      return this.watches.of(connection, transaction)
    } catch {
      // What cannot be seen is in doubt.
      return undefined
    }
  }

  private passageOf(connection: Connection, transaction: Transaction): Passage {
    const known = this.passages.get(transaction)
    if (known) return known
    const { facts, routes, recipients, failure } = this.decisions.of(connection, transaction)
    const passage = { facts, recipients, failure, journey: this.connector.journey(routes) }
    this.passages.set(transaction, passage)
    return passage
  }

  private settle(
    passage: Passage,
    connection: Connection,
    transaction: Transaction,
    told: Told,
  ): Promise<void> | undefined {
    try {
      return this.settleBy(told, passage, connection, transaction)
    } catch (error) {
      // Told once; whatever comes of this message is not looked at any more.
      this.passages.delete(transaction)
      this.tellMissed(transaction, [{ intake: undefined, why: unsettledText(error) }])
      return undefined
    }
  }

  private settleBy(
    told: Told,
    passage: Passage,
    connection: Connection,
    transaction: Transaction,
  ): Promise<void> | undefined {
    // Nothing is left to be said, as mostly when the transaction ends behind `commit`.
    if (passage.journey.isOver && passage.failure === undefined) return undefined
    const watch = this.watchOf(connection, transaction)
    const own = recipientsOf(transaction)
    const strangers = watch ? strangersIn(watch.seen(told), own) : []
    const recipients = [...own, ...strangers]
    const fate = (): Fate => {
      try {
        if (watch) return fateOf(told, watch.seen(told), recipients)
      } catch {
        // What cannot be seen is in doubt.
      }
      return { kind: 'unknown' }
    }
    const late = lateRecipients(passage, transaction, strangers)
    const isOver = late.length === 0 || passage.journey.isOver || fate().kind === 'nowhere'
    const added = isOver ? [] : this.addedRoutes(passage, transaction, late)
    this.settleNow(passage, transaction, fate)
    return added.length === 0
      ? undefined
      : this.writeAdded(added, passage, connection, transaction, fate)
  }

  private settleNow(passage: Passage, transaction: Transaction, fate: () => Fate): void {
    const settled = passage.journey.settle(fate)
    const misses = decisionMisses(passage, fate)
    if (settled.kind === 'missed') {
      misses.push(...settled.routes.map((route) => missOf(route, QUEUED_BEFORE)))
    }
    this.tellMissed(transaction, misses)
    if (settled.kind === 'withdrawn') this.tellKeptBack(passage, transaction, settled.because)
  }

  private addedRoutes(
    { facts }: Passage,
    transaction: Transaction,
    late: readonly RecipientFacts[],
  ): readonly Route[] {
    if (!facts) return []
    const known = new Set(facts.recipients.map(({ key }) => key))
    const unknown = late.filter(({ key }) => !known.has(key))
    return unknown.length > 0
      ? this.decisions.routesFor({ ...facts, recipients: unknown }, transaction)
      : []
  }

  /** While the message can still be read. */
  private async writeAdded(
    added: readonly Route[],
    { journey }: Passage,
    connection: Connection,
    transaction: Transaction,
    fate: () => Fate,
  ): Promise<void> {
    try {
      const late = this.connector.journey(added)
      const before = journey.routes.length
      this.tellMissed(transaction, await this.ahead.write(late, connection, transaction, before))
      late.settle(fate)
    } catch (error) {
      this.tellMissed(transaction, [{ intake: undefined, why: unsettledText(error) }])
    }
  }

  /** Core's own plugins kept it from its mailboxes, and said OK. */
  private tellKeptBack(
    { facts, journey }: Passage,
    transaction: Transaction,
    because: string,
  ): void {
    if (because !== 'quarantined' && because !== 'discarded') return
    addSkip(this.plugin, transaction, because)
    const recipients = new Set(journey.routes.flatMap((route) => route.recipients)).size
    const { uuid } = transaction
    const reason = { token: because } as const
    const sender = facts?.sender ?? ''
    this.connector.monitor.report({
      kind: 'skipped',
      transaction: uuid,
      sender,
      recipients,
      reason,
    })
  }

  private tellMissed(transaction: Transaction, misses: readonly Miss[]): void {
    const { effective, main } = this.connector.settings.value
    const policy = main.onJournalFailure
    for (const { intake = effective.intake?.address ?? '', why } of misses) {
      addSkip(this.plugin, transaction, 'journal-failed')
      const event = { transaction: transaction.uuid, intake, policy, why }
      this.connector.monitor.report({ kind: 'journal-failed', ...event })
    }
  }
}

/** Those that came after the decision, as plugins add some in `queue`, and `strangers`. */
function lateRecipients(
  { recipients }: Passage,
  { rcpt_to: all }: Transaction,
  strangers: readonly AddressFacts[],
): readonly RecipientFacts[] {
  if (!Array.isArray(all)) return []
  const added = all.filter((address) => !recipients.includes(address))
  return added.length === 0 ? strangers : [...new GivenRecipients().facts(added), ...strangers]
}

/** As they stand at the end; nobody where that is no list. */
function recipientsOf({ rcpt_to: all }: Transaction): AddressFacts[] {
  return Array.isArray(all) ? [...all].map(addressFacts) : []
}

function toldOf({ msg_status: status }: Transaction): Told {
  return status === 'accepted' ? 'queued' : (status ?? 'nothing')
}

/** What the decision failed by is told once, and only where the original may reach a mailbox. */
function decisionMisses(passage: Passage, fate?: () => Fate): Miss[] {
  const { failure: why } = passage
  if (why === undefined || fate?.().kind === 'nowhere') return []
  passage.failure = undefined
  return [{ intake: undefined, why }]
}

function unsettledText(error: unknown): string {
  return `the copies could not be settled: ${String(error)}`
}
