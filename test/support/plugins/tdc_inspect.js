'use strict'
/* global exports, OK */
/*
 * SMTP commands for tests: `TDC STATUS` answers with what the connector knows of itself, as JSON;
 * `TDC FLUSH` has Haraka load all copies in the queue directory again.
 */

exports.hook_unrecognized_command = function (next, connection, [command, what]) {
  if (command !== 'TDC') return next()
  const answer = (text) => connection.respond(211, text, () => next(OK))
  if (what === 'FLUSH') {
    const flushed = this.haraka_require('outbound').flush_queue('the.tdc.queue')
    flushed.then(() => answer('flushed'))
    return
  }
  const { tdc } = this.haraka_require('plugins').registered_plugins
  const plain = (_key, value) => (value instanceof Map ? Object.fromEntries(value) : value)
  answer(JSON.stringify(tdc.status() ?? null, plain))
}
