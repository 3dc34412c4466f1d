import { randomBytes } from 'node:crypto'
import cluster from 'node:cluster'
import { Connector } from './tdc/connector'
import { decide as decideRoutes } from './tdc/decide/decision'
import { DELAY, DENYSOFT, OK, STOP } from './tdc/haraka/codes'
import { checkContract, type Internals } from './tdc/haraka/contract'
import { takeOver } from './tdc/haraka/loaded-item'
import { logTo } from './tdc/haraka/log'
import { addressOf, hasInternationalHeader, headerOf, messageFacts } from './tdc/haraka/message'
import { readOriginal } from './tdc/haraka/original'
import { QUEUE_DOMAIN } from './tdc/haraka/queue-directory'
import { fillConnectionIni, orderWarnings, surroundingWarnings } from './tdc/haraka/surroundings'
import type {
  Connection,
  DenyParams,
  HarakaPlugin,
  LoadedItem,
  Next,
  Transaction,
} from './tdc/haraka/types'
import { TOKEN_HEADER, verifyToken } from './tdc/journal/loop-token'
import { Monitor } from './tdc/monitor/monitor'
import type { Status } from './tdc/monitor/status'
import type { Journey } from './tdc/queue/journey'
import { planCopies } from './tdc/queue/plan'
import type { Original } from './tdc/queue/preparer'

/** `this` of every hook: Haraka's plugin object, with what register put on it. */
interface TdcPlugin extends HarakaPlugin {
  tdc: Connector
  internals: Internals
  /** The copies of each message on its way, from the decision to the end of its transaction. */
  journeys: WeakMap<Transaction, Journey>
  relayClients: WeakSet<Transaction>
}

const FIRST = -100
const LAST = 100

/** Seconds before a queue item is offered again that could not be taken over. */
const OFFER_AGAIN = 300

export function register(this: TdcPlugin): void {
  // Whatever else happens: core never delivers our items, and never bounces them to anyone.
  this.register_hook('get_mx', 'guard_mx', FIRST)
  this.register_hook('bounce', 'guard_bounce', FIRST)

  const contract = checkContract(this)
  if (contract.kind === 'broken') {
    const text = `${contract.why}: no message is copied`
    new Monitor(logTo(this), () => '').report({ kind: 'problem', text })
    return
  }
  fillConnectionIni(this)
  this.internals = contract.internals
  this.journeys = new WeakMap()
  this.relayClients = new WeakSet()
  this.tdc = new Connector(this, this.internals)
  // One process says what concerns all: the only one, or the master.
  this.tdc.readSettings(cluster.isPrimary)

  this.register_hook('init_master', 'survey', LAST)
  this.register_hook('mail', 'note_relay_client', FIRST)
  this.register_hook('data_post', 'decide', LAST)
  this.register_hook('queue', 'prepare', FIRST)
  this.register_hook('queue_outbound', 'prepare_outbound', FIRST)
  this.register_hook('deny', 'note_queue_timeout', FIRST)
  this.register_hook('queue_ok', 'commit', FIRST)
  this.register_hook('reset_transaction', 'resolve', FIRST)
  this.register_hook('send_email', 'take_over', FIRST)
}

/** Says what in the server's other settings stands in the way of copies. */
export function survey(this: TdcPlugin, next: Next): void {
  const warnings = [...surroundingWarnings(this), ...orderWarnings(this.internals.hooks, this.name)]
  for (const text of warnings) this.tdc.monitor.report({ kind: 'warning', text })
  next()
}

/** Before other plugins: a client that may relay has that on its connection, not on the message. */
export function note_relay_client(this: TdcPlugin, next: Next, connection: Connection): void {
  const { transaction, relaying } = connection
  if (transaction && relaying) this.relayClients.add(transaction)
  next()
}

/** data_post, after every scanner: who gets a copy, and where does it go? */
export function decide(this: TdcPlugin, next: Next, connection: Connection): void {
  const { transaction } = connection
  if (!transaction) return next()
  const facts = messageFacts(
    connection,
    transaction,
    this.relayClients.has(transaction),
    TOKEN_HEADER,
  )
  const { tdc } = this
  const isOwnReport = (token: string) => verifyToken(tdc.loopKey, token)
  const { routes, skips } = decideRoutes(facts, tdc.settings.value, isOwnReport)
  for (const { reason, recipients } of skips) {
    transaction.results.add(this, { skip: reason.token })
    const { transaction: uuid, sender } = facts
    tdc.monitor.report({ kind: 'skipped', transaction: uuid, sender, recipients, reason })
  }
  if (routes.length > 0) {
    this.journeys.set(transaction, tdc.journey(routes))
  }
  next()
}

/**
 * queue, before every queue plugin: the copies are written ahead. STOP makes Haraka answer 451, a
 * local error (RFC 5321 section 4.2.3), and runs no `deny` hooks: the sender is not to blame.
 */
export function prepare(this: TdcPlugin, next: Next, connection: Connection): void {
  writeAhead(this, connection, next, STOP)
}

/** queue_outbound: the same, but here STOP would mean delivery; DENYSOFT is answered with 450. */
export function prepare_outbound(this: TdcPlugin, next: Next, connection: Connection): void {
  writeAhead(this, connection, next, DENYSOFT)
}

function writeAhead(plugin: TdcPlugin, connection: Connection, next: Next, defer: number): void {
  const { transaction } = connection
  const journey = transaction && plugin.journeys.get(transaction)
  if (!journey) return next()
  prepareCopies(plugin, journey, connection, transaction).then(
    (mayGoOn) => (mayGoOn ? next() : next(defer, 'Message cannot be journaled now, try later')),
    (error: unknown) => {
      plugin.tdc.monitor.report({ kind: 'problem', text: `preparing failed: ${String(error)}` })
      next()
    },
  )
}

/** Whether the original may go on to the queue plugins. */
async function prepareCopies(
  plugin: TdcPlugin,
  journey: Journey,
  connection: Connection,
  transaction: Transaction,
): Promise<boolean> {
  const { tdc } = plugin
  const settings = tdc.settings.value
  const policy = settings.onJournalFailure
  const original = originalOf(transaction)
  const planned = planCopies(
    journey.routes,
    {
      transaction: transaction.uuid,
      gateway: tdc.gateway,
      reversePath: addressOf(transaction.mail_from),
      subject: headerOf(transaction, 'Subject'),
      messageId: original.messageId,
      clientIp: connection.remote.ip,
      date: Date.now(),
      internationalHeader: hasInternationalHeader(transaction),
    },
    { settings, loopKey: tdc.loopKey, random: randomBytes },
  )
  const result = await journey.prepare(tdc.preparer, original, planned, {
    within: prepareTime(plugin, settings.prepareTimeout),
    allOrNothing: policy === 'tempfail',
  })
  if (result.kind !== 'failed') return true
  for (const { route, why } of result.failures) {
    const intake = route.intake.address
    transaction.results.add(plugin, { skip: 'journal-failed' })
    tdc.monitor.report({
      kind: 'journal-failed',
      transaction: transaction.uuid,
      intake,
      policy,
      why,
    })
  }
  return policy === 'accept'
}

/** queue_ok: the original is queued, the copies may go. */
export function commit(this: TdcPlugin, next: Next, connection: Connection): void {
  journeyOf(this, connection)?.commit()
  next()
}

/** A queue plugin that ran out of time may have queued the original; `deny` is where it shows. */
export function note_queue_timeout(
  this: TdcPlugin,
  next: Next,
  connection: Connection,
  params: DenyParams,
): void {
  const [, message, , , , hook] = params
  if (message === 'plugin timeout' && (hook === 'queue' || hook === 'queue_outbound')) {
    journeyOf(this, connection)?.queueTimedOut()
  }
  next()
}

/** reset_transaction: the end, also when the client left. What is open is decided. */
export function resolve(this: TdcPlugin, next: Next, connection: Connection): void {
  journeyOf(this, connection)?.resolve(connection.transaction?.msg_status)
  next()
}

/** send_email: Haraka found one of ours in the queue directory. */
export function take_over(this: TdcPlugin, next: Next, item: LoadedItem): void {
  if (item.todo?.domain !== QUEUE_DOMAIN) return next()
  const { report } = this.tdc.monitor
  const taken = takeOver(item)
  if (taken.kind === 'unknown-hook') {
    const text = `Haraka ${this.internals.version} has no ${taken.missing} as expected: copies found in the queue stay there`
    report({ kind: 'problem', text })
    return next(DELAY, OFFER_AGAIN)
  }
  this.tdc.loader.load(item).catch((error: unknown) => {
    report({ kind: 'problem', text: `loading ${item.filename} failed: ${String(error)}` })
  })
}

export function guard_mx(this: TdcPlugin, next: Next, _item: LoadedItem, domain: string): void {
  if (domain === QUEUE_DOMAIN) return next(DENYSOFT, `${QUEUE_DOMAIN} belongs to tdc`)
  next()
}

export function guard_bounce(this: TdcPlugin, next: Next, item: LoadedItem): void {
  if (item.todo?.domain === QUEUE_DOMAIN) return next(OK)
  next()
}

export function shutdown(this: TdcPlugin): void {
  this.tdc?.shutdown()
}

/** What this process knows; undefined when this Haraka was refused. */
export function status(this: TdcPlugin): Status | undefined {
  return this.tdc?.status()
}

function journeyOf(plugin: TdcPlugin, { transaction }: Connection): Journey | undefined {
  return transaction ? plugin.journeys.get(transaction) : undefined
}

function originalOf(transaction: Transaction): Original {
  return {
    messageId: headerOf(transaction, 'Message-ID')?.trim(),
    octets: transaction.data_bytes,
    read: (take, signal) => readOriginal(transaction, take, signal),
  }
}

/** Milliseconds kept between our own deadline and the end that Haraka puts to a hook. */
const HOOK_MARGIN = 5_000

function prepareTime({ timeout }: HarakaPlugin, wanted: number): number {
  if (timeout === 0) return wanted
  const hook = timeout * 1000
  return Math.min(wanted, Math.max(hook - HOOK_MARGIN, hook / 2))
}
