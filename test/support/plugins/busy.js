'use strict'
/* global exports, OK */
/*
 * `BUSY 2500` keeps the event loop for so many milliseconds. Each copy that Haraka itself wants to
 * deliver is a line: the connector has lost it then.
 */

exports.register = function () {
  this.register_hook('get_mx', 'tell', -200)
  this.register_hook('unrecognized_command', 'be_busy')
}

exports.tell = function (next, item, domain) {
  if (domain === 'the.tdc.queue') this.lognotice(`core delivers ${item.filename}`)
  next()
}

exports.be_busy = function (next, connection, [command, milliseconds]) {
  if (command !== 'BUSY') return next()
  const end = Date.now() + Number(milliseconds)
  while (Date.now() < end);
  connection.respond(211, 'I was busy', () => next(OK))
}
