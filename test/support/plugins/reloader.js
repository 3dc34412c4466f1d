'use strict'
/* global exports, OK, process, require */
/* `RELOAD tdc.ini` has haraka-config read a file again now, as it does five seconds after a change. */
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { join } = require('node:path')

const reader = process.mainModule.require('haraka-config/lib/reader')
const watch = process.mainModule.require('haraka-config/lib/watch')

exports.hook_unrecognized_command = function (next, connection, [command, name]) {
  if (command !== 'RELOAD') return next()
  const path = join(process.env.HARAKA, 'config', name)
  watch.reload(reader, path, reader._read_args[path])
  connection.respond(211, 'reloaded', () => next(OK))
}
