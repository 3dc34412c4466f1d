'use strict'
/* global exports, DENY, DENYDISCONNECT, DENYSOFT, OK */
/*
 * A queue plugin in front of the real one. It treats a message as its first recipient's name says:
 * what stands in REPLIES is answered so, `hang` and `hold` never answer, `throw` fails, all others
 * go on. With `override` in the name, its `deny` hook turns every refusal around. With a recipient
 * `relayed`, the message goes through Haraka's own outbound, to the same next hop.
 */

const REPLIES = { reject: DENY, defer: DENYSOFT, cut: DENYDISCONNECT }

exports.register = function () {
  // After everything else, the connector's decision too.
  this.register_hook('data_post', 'keep_waiting', 200)
  this.register_hook('queue', 'obey')
  this.register_hook('deny', 'override')
  this.register_hook('rcpt', 'relay', -10)
  this.register_hook('get_mx', 'next_hop')
}

exports.relay = function (next, connection, [recipient]) {
  if (recipient.user === 'relayed') connection.relaying = true
  next()
}

exports.next_hop = function (next, _item, domain) {
  if (domain !== 'example.com') return next()
  const { host, port } = this.config.get('smtp_forward.ini').main
  next(OK, { exchange: host, port })
}

exports.keep_waiting = function (next, connection) {
  if (wish(connection) !== 'hold-undecided') return next()
  this.lognotice('holding before anything is queued', connection)
}

exports.obey = function (next, connection) {
  const [wanted] = wish(connection).split('-')
  if (wanted === 'throw') throw new Error('as it was wished')
  if (wanted === 'hold') return this.lognotice('holding in the queue hook', connection)
  if (wanted === 'hang') return
  next(REPLIES[wanted], 'as it was wished')
}

exports.override = function (next, connection) {
  next(wish(connection).endsWith('-override') ? OK : undefined)
}

function wish({ transaction }) {
  return transaction?.rcpt_to[0]?.user ?? ''
}
