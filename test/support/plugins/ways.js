'use strict'
/* global exports, require, OK, DENY, DENYSOFT, DENYDISCONNECT, STOP */
/*
 * Every queue plugin of core in one server: the reverse-path's local part names the one that a message
 * goes by, all others are skipped for it. X-Note has it marked, X-Own tells the queue plugin in here
 * what to do: `deliver`, `read` or `nothing`, and then how to end. X-Add is a recipient more, in `queue`.
 */

// eslint-disable-next-line @typescript-eslint/no-require-imports
const { appendFileSync } = require('node:fs')

const ALL = [
  'queue/smtp_forward',
  'queue/smtp_proxy',
  'queue/lmtp',
  'queue/deliver',
  'queue/qmail-queue',
  'queue/test',
  'queue/discard',
  'queue/quarantine',
  'queue/smtp_bridge',
]
/** What takes part beside the way that is named. */
const BESIDE = {
  quarantine: ['queue/smtp_forward'],
  discard: ['queue/smtp_forward'],
}
const NOTES = {
  'action ok': (notes) => Object.assign(notes, { quarantine: 1, quarantine_action: [OK, 'kept'] }),
  'action deny': (notes) =>
    Object.assign(notes, { quarantine: 1, quarantine_action: [DENY, 'no'] }),
  'no action': (notes) => Object.assign(notes, { quarantine: 'x' }),
  discard: (notes) => Object.assign(notes, { discard: true }),
  'discard, wants another': (notes) => {
    notes.discard = true
    notes.set('queue.wants', 'smtp_forward')
  },
}
const ENDS = { OK, CONT: undefined, DENY, DENYSOFT, DENYDISCONNECT, STOP }

exports.register = function () {
  this.mailbox = this.config.get('ways.mailbox')
  this.register_hook('mail', 'choose', -50)
  this.register_hook('rcpt', 'relay', -50)
  this.register_hook('data_post', 'mark')
  this.register_hook('queue', 'mark_late', -10)
  this.register_hook('queue', 'own', -5)
  this.register_hook('get_mx', 'next_hop', -50)
  this.register_hook('bounce', 'no_bounce')
}

exports.choose = function (next, { transaction }, [from]) {
  const way = `queue/${from.user}`
  const wanted = [way, ...(BESIDE[from.user] ?? [])]
  transaction.notes.skip_plugins.push(...ALL.filter((name) => !wanted.includes(name)))
  next()
}

/** But for `checked.example`, whose recipients smtp_forward accepts. */
exports.relay = function (next, connection, [{ host }]) {
  const { user } = connection.transaction.mail_from
  if (['deliver', 'outbound', 'smtp_bridge'].includes(user)) connection.relaying = true
  if (host === 'checked.example') next()
  else next(OK)
}

exports.mark = function (next, { transaction }) {
  if (field(transaction, 'X-When') !== 'late')
    NOTES[field(transaction, 'X-Note')]?.(transaction.notes)
  next()
}

exports.mark_late = function (next, { transaction }) {
  const more = field(transaction, 'X-Add')
  const [{ constructor: Address }] = transaction.rcpt_to
  if (more) transaction.rcpt_to.push(new Address(`<${more}>`))
  if (field(transaction, 'X-When') === 'late')
    NOTES[field(transaction, 'X-Note')]?.(transaction.notes)
  next()
}

exports.own = function (next, { transaction }) {
  if (transaction.mail_from.user !== 'own') return next()
  const [does, end] = field(transaction, 'X-Own').split(' ')
  const subject = field(transaction, 'Subject')
  const ended = () => {
    this.lognotice(`own plugin is done with ${subject}`)
    if (end !== 'hang' && end !== 'throw') next(ENDS[end], 'as it was wished')
  }
  if (does === 'nothing') ended()
  else this.read(transaction, does, subject, ended)
  if (end === 'throw') throw new Error('as it was wished')
}

exports.read = function (transaction, does, subject, ended) {
  transaction.message_stream.get_data((octets) => {
    if (does === 'deliver' && octets.length > 0) appendFileSync(this.mailbox, `${subject}\n`)
    ended()
  })
}

exports.next_hop = function (next, item, domain) {
  const { using_lmtp: isLmtp, skip_plugins: skipped } = item.todo.notes
  if (isLmtp || domain === 'the.tdc.queue' || skipped?.includes('queue/smtp_bridge') === false)
    return next()
  const { host, port } = this.config.get('smtp_forward.ini').main
  next(OK, { exchange: host, port })
}

exports.no_bounce = function (next) {
  next(OK)
}

function field({ header }, name) {
  return header.get(name).trim()
}
