'use strict'
/* global exports, OK, process */
/* `CLOCK -120000` sets the time of day back by two minutes, with clock-preload.js. */

exports.hook_unrecognized_command = function (next, connection, [command, milliseconds]) {
  if (command !== 'CLOCK') return next()
  process.emit('test-clock', Number(milliseconds))
  connection.respond(211, new Date().toISOString(), () => next(OK))
}
