import { systemClock } from './clock'
import type { Connector } from './connector'
import { verdictsOf } from './decide/clean'
import { decide, type Route } from './decide/decision'
import type { MessageFacts } from './decide/message-facts'
import { addressOf } from './haraka/address-facts'
import { GivenRecipients } from './haraka/given-recipients'
import { identityOf, messageFacts, messageIdOf } from './haraka/message'
import { readOriginal } from './haraka/original'
import type { OriginalWatch, Told } from './haraka/original-watch'
import type { Connection, HarakaPlugin, Transaction } from './haraka/types'
import { Watches } from './haraka/watches'
import { TOKEN_HEADER, tokenProblem } from './journal/loop-token'
import { MessageDigest } from './journal/report-digest'
import { hasBareCr } from './queue/bare-cr'
import { type Fate, fateOf } from './queue/fate'
import type { Journey } from './queue/journey'
import { originalOf, planOf, writingTime } from './writing'

/** What a plugin may have done before us so that there is an original without its copy. */
const QUEUED_BEFORE = 'a plugin queued the original before the copy was written'

/** One message on its way through the hooks. */
interface Passage {
  readonly sender: string
  readonly journey: Journey
  /** Why nobody could be decided on, until that is told. */
  failure: string | undefined
  /** Of which header the copies were written, and how to write them again. */
  written?: { readonly identity: string; readonly again: () => Promise<string | undefined> }
}

/** A copy that is missing; without an intake when it is not known where it ought to have gone. */
interface Miss {
  readonly intake: string | undefined
  readonly why: string
}

/**
 * The copies of the messages on their way through this process, by transaction: what the hooks do,
 * in terms of Haraka's objects, without `next`. Nothing here throws or rejects: a failure of ours is
 * a missing copy like any other, told once, and `on_journal_failure` answers.
 */
export class Forwarding {
  private readonly passages = new WeakMap<Transaction, Passage>()
  private readonly relayClients = new WeakSet<Transaction>()
  private readonly given = new WeakMap<Transaction, GivenRecipients>()
  /** Of those that carry a token: which were looked at, and which it proves. */
  private readonly readings = new WeakMap<Transaction, AbortController>()
  private readonly ownReports = new WeakSet<Transaction>()
  private readonly watches: Watches

  constructor(
    private readonly plugin: HarakaPlugin,
    private readonly connector: Connector,
  ) {
    this.watches = new Watches(plugin)
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
    // Before the first one, what Haraka relays is the client's: later it may be a recipient's.
    if (relaying && isFirst(transaction)) this.relayClients.add(transaction)
    this.givenOf(transaction).note(transaction.rcpt_to)
  }

  private givenOf(transaction: Transaction): GivenRecipients {
    const known = this.given.get(transaction) ?? new GivenRecipients()
    this.given.set(transaction, known)
    return known
  }

  /** Whether a message that carries a token is a report of ours; undefined: there is nothing to read. */
  recognise(transaction: Transaction): Promise<void> | undefined {
    const values = transaction.header.get_all(TOKEN_HEADER)
    if (values.length === 0 || this.readings.has(transaction)) return undefined
    const reading = new AbortController()
    this.readings.set(transaction, reading)
    const { report } = this.connector.monitor
    return this.refusal(values, transaction, reading)
      .catch((error: unknown) => String(error))
      .then((why) => {
        if (why === undefined) this.ownReports.add(transaction)
        else report({ kind: 'token-refused', transaction: transaction.uuid, why })
      })
  }

  /** Why the token does not prove this message. The content is read only for one that we made. */
  private async refusal(
    [value = '', ...more]: readonly string[],
    transaction: Transaction,
    reading: AbortController,
  ): Promise<string | undefined> {
    if (more.length > 0) return 'it is no token'
    const { loopKeys, settings } = this.connector
    const now = systemClock.wall()
    const token = tokenProblem(value, {
      keys: loopKeys.accepted(now),
      now: Math.floor(now / 1000),
      reversePath: addressOf(transaction.mail_from),
      ownReversePath: settings.value.delivery.envelopeFrom,
    })
    if (typeof token === 'string') return token
    const within = writingTime(this.plugin, this.connector)
    const deadline = systemClock.after(within, () => reading.abort(new Error('it takes too long')))
    const content = new MessageDigest(token.lead)
    const take = (piece: Buffer): void => content.push(piece)
    await readOriginal(transaction, take, reading.signal, systemClock)
    deadline.cancel()
    return content.end() === token.digest ? undefined : 'its content is another'
  }

  /** Who gets a copy, and where does it go? Decided once for each message. */
  decide(connection: Connection, transaction: Transaction): void {
    this.passageOf(connection, transaction)
  }

  /**
   * Writes the copies ahead; says whether the original may go on to the queue plugins. It is refused for
   * nothing but a bare CR, and where the settings say so.
   */
  async prepare(
    connection: Connection,
    transaction: Transaction,
  ): Promise<'goes on' | 'deferred' | 'refused'> {
    await this.recognise(transaction)
    const passage = this.passageOf(connection, transaction)
    if (await this.isUnwanted(passage, transaction)) return 'refused'
    this.watchOf(connection, transaction)?.queueBegins(connection)
    const misses = decisionMisses(passage)
    try {
      misses.push(...(await this.write(passage, connection, transaction)))
    } catch (error) {
      const why = `the copies could not be prepared: ${String(error)}`
      const intakes = passage.journey.routes.map((route) => route.intake.address)
      misses.push(...intakes.map((intake) => ({ intake, why })))
    }
    this.tellMissed(transaction, misses)
    const { onJournalFailure } = this.connector.settings.value
    return misses.length === 0 || onJournalFailure === 'accept' ? 'goes on' : 'deferred'
  }

  private async isUnwanted(
    { sender, journey }: Passage,
    transaction: Transaction,
  ): Promise<boolean> {
    const { journal } = this.connector.settings.value
    if (journal.bareCr !== 'refuse' || journey.routes.length === 0) return false
    const { read } = originalOf(transaction, this.connector)
    const within = writingTime(this.plugin, this.connector)
    if (!(await hasBareCr(read, within, systemClock))) return false
    const { uuid } = transaction
    this.connector.monitor.report({ kind: 'original-refused', transaction: uuid, sender })
    return true
  }

  /**
   * Core's outbound may have added a Message-Id or a Date that was missing: then the copies are written
   * anew, so that they tell what the mailbox gets.
   */
  async rewrite(transaction: Transaction): Promise<void> {
    const written = this.passages.get(transaction)?.written
    try {
      if (!written || written.identity === identityOf(transaction)) return
      const why = await written.again()
      if (why === undefined) return
      throw new Error(why)
    } catch (error) {
      const text =
        `Message ${transaction.uuid}: its copies lack what Haraka added to the original's header: ` +
        String(error)
      this.connector.monitor.report({ kind: 'problem', text })
    }
  }

  /** The original is queued. */
  commit(connection: Connection, transaction: Transaction): void {
    this.settle(this.passageOf(connection, transaction), connection, transaction, 'queued')
  }

  /** The transaction ends, in whatever way. */
  resolve(connection: Connection, transaction: Transaction): void {
    this.readings.get(transaction)?.abort(new Error('the client left'))
    const passage = this.passages.get(transaction)
    if (passage) this.settle(passage, connection, transaction, toldOf(transaction))
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
    const passage = this.decided(connection, transaction)
    this.passages.set(transaction, passage)
    return passage
  }

  private decided(connection: Connection, transaction: Transaction): Passage {
    const { connector } = this
    try {
      const isRelayClient = this.relayClients.has(transaction)
      const facts = messageFacts(
        connection,
        transaction,
        isRelayClient,
        this.givenOf(transaction),
        TOKEN_HEADER,
      )
      const isOwnReport = () => this.ownReports.has(transaction)
      const { routes, skips } = decide(facts, connector.settings.value, isOwnReport)
      this.tell(facts, routes, transaction)
      const { transaction: uuid, sender } = facts
      for (const { reason, recipients } of skips) {
        this.addResult(transaction, reason.token)
        connector.monitor.report({ kind: 'skipped', transaction: uuid, sender, recipients, reason })
      }
      return { sender, journey: connector.journey(routes), failure: undefined }
    } catch (error) {
      const { enabled } = connector.settings.value.effective
      const failure = enabled ? `the decision failed: ${String(error)}` : undefined
      return { sender: '', journey: connector.journey([]), failure }
    }
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

  private async write(
    passage: Passage,
    connection: Connection,
    transaction: Transaction,
  ): Promise<Miss[]> {
    const { journey } = passage
    if (journey.routes.length === 0) return []
    const { connector, plugin } = this
    const { preparer } = connector.queue
    const within = writingTime(plugin, connector)
    const plan = () =>
      [
        originalOf(transaction, connector),
        planOf(journey.routes, connection, transaction, connector),
      ] as const
    const identity = identityOf(transaction)
    passage.written = { identity, again: () => journey.rewrite(preparer, ...plan(), within) }
    const allOrNothing = connector.settings.value.onJournalFailure === 'tempfail'
    const result = await journey.prepare(preparer, ...plan(), { within, allOrNothing })
    return result.kind === 'failed' ? missesOf(result.failures) : []
  }

  private settle(
    passage: Passage,
    connection: Connection,
    transaction: Transaction,
    told: Told,
  ): void {
    try {
      this.settleBy(told, passage, connection, transaction)
    } catch (error) {
      passage.failure = undefined
      const why = `the copies could not be settled: ${String(error)}`
      this.tellMissed(transaction, [{ intake: undefined, why }])
    }
  }

  private settleBy(
    told: Told,
    passage: Passage,
    connection: Connection,
    transaction: Transaction,
  ): void {
    const watch = this.watchOf(connection, transaction)
    const recipients = transaction.rcpt_to.length
    const fate = (): Fate => {
      try {
        return watch ? fateOf(told, watch.seen(told), recipients) : { kind: 'unknown' }
      } catch {
        return { kind: 'unknown' }
      }
    }
    const settled = passage.journey.settle(fate)
    const misses = decisionMisses(passage, fate)
    if (settled.kind === 'missed') {
      misses.push(...missesOf(settled.routes.map((route) => ({ route, why: QUEUED_BEFORE }))))
    }
    this.tellMissed(transaction, misses)
    if (settled.kind === 'withdrawn') this.tellKeptBack(passage, transaction, settled.because)
  }

  /** Core's own plugins kept it from its mailboxes, and said OK. */
  private tellKeptBack(
    { sender, journey }: Passage,
    transaction: Transaction,
    because: string,
  ): void {
    if (because !== 'quarantined' && because !== 'discarded') return
    this.addResult(transaction, because)
    const recipients = new Set(journey.routes.flatMap((route) => route.recipients)).size
    const { uuid } = transaction
    const reason = { token: because } as const
    this.connector.monitor.report({
      kind: 'skipped',
      transaction: uuid,
      sender,
      recipients,
      reason,
    })
  }

  private tellMissed(transaction: Transaction, misses: readonly Miss[]): void {
    const { effective, onJournalFailure: policy } = this.connector.settings.value
    for (const { intake = effective.intake?.address ?? '', why } of misses) {
      this.addResult(transaction, 'journal-failed')
      const { report } = this.connector.monitor
      report({ kind: 'journal-failed', transaction: transaction.uuid, intake, policy, why })
    }
  }

  private addResult({ results }: Transaction, skip: string): void {
    try {
      results.add(this.plugin, { skip })
    } catch {
      // Whoever took the results away does not want to know.
    }
  }
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

function missesOf(failures: readonly { route: Route; why: string }[]): Miss[] {
  return failures.map(({ route, why }) => ({ intake: route.intake.address, why }))
}

/** No recipient was looked at before. */
function isFirst({ rcpt_to, rcpt_count: { accept, tempfail, reject } }: Transaction): boolean {
  return rcpt_to.length === 1 && accept + tempfail + reject === 0
}
