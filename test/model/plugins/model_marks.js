'use strict'
/* global exports, process, DENY, OK */
/*
 * A scanner for the model's mails: the header X-Mark says what is noted, before the connector or,
 * `while queueing`, behind it. Besides, it tells the log which transaction is which mail, makes an
 * odd thing of recipients named `odd`, sends nobody a bounce, and knows the way to the next hop.
 */

exports.register = function () {
  this.register_hook('rcpt', 'rewrite', -50)
  this.register_hook('data_post', 'scan')
  this.register_hook('queue', 'scan_late', -50)
  this.register_hook('queue_outbound', 'scan_late', -50)
  this.register_hook('bounce', 'no_bounce')
  this.register_hook('get_mx', 'tell', -50)
  this.register_hook('get_mx', 'next_hop', 50)
}

/** A recipient without the methods of Haraka's address class. */
exports.rewrite = function (next, { transaction }, [recipient]) {
  if (recipient.user === 'odd') {
    const { user, host, original } = recipient
    const address = `${user}@${host}`
    const plain = {
      user,
      host,
      original,
      address,
      format: () => `<${address}>`,
      toString: () => `<${address}>`,
    }
    transaction.rcpt_to.splice(-1, 1, plain)
  }
  next()
}

exports.scan = function (next, connection) {
  const { transaction } = connection
  const { notes } = transaction
  this.lognotice(`model ${idOf(transaction.mail_from)} is ${transaction.uuid}`)
  switch (markOf(transaction)) {
    case 'quarantine':
      notes.quarantine = 'model'
      break
    case 'quarantine, action DENY':
      notes.quarantine = 1
      notes.quarantine_action = [DENY, 'quarantined']
      break
    case 'quarantine, action OK':
      notes.quarantine = 1
      notes.quarantine_action = [OK, 'quarantined']
      break
    case 'discard':
      notes.discard = true
      break
    case 'connection quarantine':
      connection.notes.quarantine = 'model'
      break
    case 'connection discard':
      connection.notes.discard = true
      break
    case 'queue.wants quarantine':
    case 'queue.wants discard':
    case 'queue.wants smtp_forward':
      notes.set('queue.wants', markOf(transaction).slice('queue.wants '.length))
  }
  next()
}

exports.scan_late = function (next, { transaction }) {
  if (markOf(transaction) === 'discard while queueing') transaction.notes.discard = true
  if (markOf(transaction) === 'quarantine while queueing') transaction.notes.quarantine = 'model'
  next()
}

exports.no_bounce = (next) => next(OK)

/** Haraka asks for the way of what is in its own queue. */
exports.tell = function (next, hmail, domain) {
  if (domain !== 'the.tdc.queue') this.lognotice(`model queued ${idOf(hmail.todo.mail_from)}`)
  next()
}

exports.next_hop = function (next, hmail, domain) {
  if (domain === 'the.tdc.queue') return next()
  next(OK, { exchange: '127.0.0.1', port: Number(process.env.MODEL_HOP), priority: 0 })
}

function markOf(transaction) {
  return transaction.header.get('X-Mark').trim()
}

function idOf({ user }) {
  return user?.split('.').at(-1)
}
