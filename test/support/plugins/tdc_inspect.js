'use strict'
/* global exports, OK */
/*
 * SMTP commands for tests: `TDC STATUS` answers with what the connector knows of itself, as JSON;
 * `TDC FLUSH` has Haraka load all copies in the queue directory again; `TDC REPLAY`, `TDC HOLD` and
 * `TDC RELEASE` ask the connector for it.
 */

exports.hook_unrecognized_command = function (next, connection, [command, what]) {
  if (command !== 'TDC') return next()
  const { tdc } = this.haraka_require('plugins').registered_plugins
  const plain = (_key, value) => (value instanceof Map ? Object.fromEntries(value) : value)
  const json = (value) => JSON.stringify(value ?? null, plain)
  const asked = {
    STATUS: () => json(tdc.status()),
    FLUSH: () =>
      this.haraka_require('outbound')
        .flush_queue('the.tdc.queue')
        .then(() => 'flushed'),
    REPLAY: () => tdc.tdc.queue.replay.replay().then(json),
    HOLD: () => tdc.tdc.queue.commands.hold().then(json),
    RELEASE: () => tdc.tdc.queue.commands.release().then(json),
  }[what]
  if (!asked) return next()
  Promise.resolve(asked()).then((text) => connection.respond(211, text, () => next(OK)))
}
