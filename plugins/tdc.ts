import cluster from 'node:cluster'
import { compose, type Connector } from './tdc/compose'
import { diagnosisText } from './tdc/doctor/doctor'
import { diagnoseStart, withFilesGiven } from './tdc/examination'
import { Forwarding } from './tdc/forwarding'
import { DELAY, DENY, DENYSOFT, DENYSOFTDISCONNECT, OK, STOP } from './tdc/haraka/codes'
import { checkContract, type Internals } from './tdc/haraka/contract'
import { takeOver } from './tdc/haraka/loaded-item'
import { logTo } from './tdc/haraka/log'
import { hasWorkers } from './tdc/haraka/process-limits'
import {
  fillConnectionIni,
  headerWarnings,
  httpWarnings,
  orderWarnings,
  recipientWarnings,
  surroundingWarnings,
} from './tdc/haraka/surroundings'
import type {
  Connection,
  DenyParams,
  HarakaPlugin,
  HttpServer,
  LoadedItem,
  Next,
} from './tdc/haraka/types'
import { QUEUE_DOMAIN } from './tdc/base/names'
import { complain } from './tdc/monitor/monitor'
import type { Status } from './tdc/monitor/status'

/** `this` of every hook: Haraka's plugin object, with what register put on it. */
interface TdcPlugin extends HarakaPlugin {
  tdc: Connector
  forwarding: Forwarding
  internals: Internals
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
    complain(logTo(this), text)
    return
  }
  const { hooks } = contract.internals
  const first = hooks.registered_plugins?.[this.name] as TdcPlugin | undefined
  if (first) return takePlaceOf(first, this)
  fillConnectionIni(this)
  this.internals = contract.internals
  // One process says what concerns all: the only one, or the master.
  const make = () => compose(this, contract.internals, cluster.isPrimary)
  this.tdc = cluster.isPrimary ? withFilesGiven(this, contract.internals.outbound, make) : make()
  this.tdc.start()
  this.forwarding = new Forwarding(this, this.tdc)

  this.register_hook('init_master', 'survey', LAST)
  this.register_hook('init_child', 'begin')
  this.register_hook('init_http', 'serve_page')
  this.register_hook('rcpt', 'note_recipient', FIRST)
  this.register_hook('data_post', 'decide', LAST)
  this.register_hook('queue', 'prepare', FIRST)
  this.register_hook('queue_outbound', 'prepare_outbound', FIRST)
  this.register_hook('pre_send_trans_email', 'rewrite', LAST)
  this.register_hook('deny', 'note_queue_timeout', FIRST)
  this.register_hook('deny', 'withdraw', LAST)
  this.register_hook('queue_ok', 'commit', FIRST)
  this.register_hook('reset_transaction', 'resolve', FIRST)
  this.register_hook('send_email', 'take_over', FIRST)
}

/** Listed twice. Haraka calls the hooks of the first with the second, so that becomes the same. */
function takePlaceOf({ tdc, forwarding, internals }: TdcPlugin, second: TdcPlugin): void {
  Object.assign(second, { tdc, forwarding, internals })
  const text = `${second.name} stands twice in config/plugins; once is enough, take the other out`
  if (cluster.isPrimary) tdc.monitor.report({ kind: 'warning', text })
}

/**
 * init_master: says what in the server's other settings stands in the way of copies, and looks at
 * the queue before Haraka loads it.
 */
export function survey(this: TdcPlugin, next: Next): void {
  const { settings, monitor } = this.tdc
  for (const diagnosis of diagnoseStart(this, this.internals.outbound, settings.value)) {
    const kind = diagnosis.grave ? 'problem' : 'warning'
    monitor.report({ kind, text: diagnosisText(diagnosis) })
  }
  const warnings = [
    ...surroundingWarnings(this),
    ...httpWarnings(this, this.tdc.settings.value.statusPage),
    ...orderWarnings(this.internals.hooks, this.name),
    ...headerWarnings(this.internals.hooks, this.name),
    ...recipientWarnings(this.internals.hooks, this.name),
    ...this.forwarding.warnings(),
    ...[this.tdc.connectionWarning()].filter((text) => text !== undefined),
  ]
  for (const text of warnings) monitor.report({ kind: 'warning', text })
  this.tdc.openControl()
  const { queue } = this.tdc
  const goOn = () => {
    if (!hasWorkers(this)) queue.logs.begin()
    next()
  }
  queue.logs
    .takeAll()
    .then(() => queue.sweep.run())
    .then(goOn, goOn)
}

/** init_child: a worker takes mail from now on, as the user that it stays. */
export function begin(this: TdcPlugin, next: Next): void {
  this.tdc.queue.logs.begin()
  next()
}

/** init_http, in each process that listens for HTTP: the page, which is off until it is enabled. */
export function serve_page(this: TdcPlugin, next: Next, { http }: HttpServer): void {
  http.app.use(this.tdc.statusPage().handle)
  next()
}

/** rcpt, before other plugins relay for it, rewrite it or drop it: the recipient as it was given. */
export function note_recipient(this: TdcPlugin, next: Next, connection: Connection): void {
  this.forwarding.noteRecipient(connection)
  next()
}

/** data_post, after every scanner: who gets a copy, and where does it go? */
export function decide(this: TdcPlugin, next: Next, connection: Connection): void {
  const { transaction } = connection
  if (!transaction) return next()
  const decided = () => {
    this.forwarding.decide(connection, transaction)
    next()
  }
  const reading = this.forwarding.ownReports.recognise(transaction)
  if (reading) reading.then(decided, decided)
  else decided()
}

/**
 * queue, before every queue plugin: the copies are written ahead. STOP makes Haraka answer 451, a
 * local error (RFC 5321 section 4.2.3), and runs no `deny` hooks: the sender is not to blame.
 */
export function prepare(this: TdcPlugin, next: Next, connection: Connection): void {
  writeAhead(this.forwarding, connection, next, STOP)
}

/** queue_outbound: the same, but here STOP would mean delivery; DENYSOFT is answered with 450. */
export function prepare_outbound(this: TdcPlugin, next: Next, connection: Connection): void {
  writeAhead(this.forwarding, connection, next, DENYSOFT)
}

function writeAhead(
  forwarding: Forwarding,
  connection: Connection,
  next: Next,
  defer: number,
): void {
  const { transaction } = connection
  if (!transaction) return next()
  forwarding.prepare(connection, transaction).then(
    (answer) => {
      if (answer === 'goes on') next()
      else if (answer === 'refused') next(DENY, 'Message has a bare CR (RFC 5321 section 2.3.8)')
      else next(defer, 'Message cannot be journaled now, try later')
    },
    () => next(),
  )
}

/** pre_send_trans_email, after those that sign: core's outbound has put on the header what was missing. */
export function rewrite(this: TdcPlugin, next: Next, { transaction }: Connection): void {
  if (!transaction) return next()
  const goOn = () => next()
  this.forwarding.rewrite(transaction).then(goOn, goOn)
}

/** queue_ok: the original is queued, or kept back by core; the copies may go, or not. */
export function commit(this: TdcPlugin, next: Next, connection: Connection): void {
  const { transaction } = connection
  after(transaction && this.forwarding.commit(connection, transaction), next)
}

/** Goes on at once, unless there is something to be waited for; that never rejects. */
function after(work: Promise<void> | null | undefined, next: Next): void {
  const goOn = () => next()
  if (work) void work.then(goOn, goOn)
  else goOn()
}

/** A queue plugin that ran out of time may go on with the original; `deny` is where it shows. */
export function note_queue_timeout(
  this: TdcPlugin,
  next: Next,
  connection: Connection,
  params: DenyParams,
): void {
  const { transaction } = connection
  const [, message, plugin, , , hook] = params
  if (message === 'plugin timeout' && (hook === 'queue' || hook === 'queue_outbound')) {
    if (transaction) this.forwarding.queueTimedOut(connection, transaction, plugin)
  }
  next()
}

/** deny, after every plugin that overrides it: the client is told next that the original is refused. */
export function withdraw(
  this: TdcPlugin,
  next: Next,
  connection: Connection,
  params: DenyParams,
): void {
  const { transaction } = connection
  const [code, , , , , hook] = params
  const goOn = () => next()
  if (!transaction || (hook !== 'queue' && hook !== 'queue_outbound')) return goOn()
  const told = code === DENYSOFT || code === DENYSOFTDISCONNECT ? 'deferred' : 'rejected'
  this.forwarding.refuse(connection, transaction, told).then(goOn, goOn)
}

/** reset_transaction: the end, also when the client left. What is open is settled. */
export function resolve(this: TdcPlugin, next: Next, connection: Connection): void {
  const { transaction } = connection
  after(transaction && this.forwarding.resolve(connection, transaction), next)
}

/** send_email: Haraka found one of ours in the queue directory. */
export function take_over(this: TdcPlugin, next: Next, item: LoadedItem): void {
  if (item.todo?.domain !== QUEUE_DOMAIN) return next()
  const { report } = this.tdc.monitor
  const taken = takeOver(item)
  if (taken.kind === 'unknown-hook') {
    const text =
      `Haraka ${this.internals.version} has no ${taken.missing} as expected: copies found in the ` +
      'queue stay there'
    report({ kind: 'problem', text })
    return next(DELAY, OFFER_AGAIN)
  }
  this.tdc.queue.loader.load(item).catch((error: unknown) => {
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
