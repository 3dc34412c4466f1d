'use strict'
/* global exports, require, OK */
/*
 * Lets the disk fail for the queue files of a message as its first recipient's name says; listed
 * before the connector, so that it is in place before the connector looks for the functions.
 */
// eslint-disable-next-line @typescript-eslint/no-require-imports
const disk = require('node:fs/promises')
const { open, rename } = disk

let fault = ''
let created = 0
let release

const held = () => new Promise((resolve) => (release = resolve))

disk.open = async (path, flags, ...more) => {
  if (flags !== 'wx') {
    const handle = await open(path, flags, ...more)
    if (fault === 'directory-eio') handle.sync = failing('EIO')
    if (fault === 'directory-slow') handle.sync = held
    return handle
  }
  created++
  if (fault === 'erofs') throw failure('EROFS')
  const handle = await open(path, flags, ...more)
  switch (fault) {
    case 'enospc':
      handle.write = failing('ENOSPC')
      break
    case 'second-enospc':
      if (created === 2) handle.write = failing('ENOSPC')
      break
    case 'truncated':
      handle.write = async (bytes, from, length, position) => {
        await Object.getPrototypeOf(handle).write.call(handle, bytes, from, length >> 1, position)
        return { bytesWritten: length }
      }
      break
    case 'eio':
      handle.sync = failing('EIO')
      break
    case 'slow':
      handle.sync = held
  }
  return handle
}

disk.rename = async (from, to) => {
  if (fault === 'rename-enospc') throw failure('ENOSPC')
  if (fault === 'temporary-gone' && created === 1) await disk.unlink(from)
  return rename(from, to)
}

exports.register = function () {
  for (const hook of ['queue', 'queue_outbound']) this.register_hook(hook, 'begin', -200)
  this.register_hook('disconnect', 'end')
  this.register_hook('unrecognized_command', 'go_on')
}

exports.begin = function (next, { transaction }) {
  fault = transaction?.rcpt_to[0]?.user ?? ''
  created = 0
  if (fault.endsWith('slow')) this.lognotice('the disk is slow now')
  next()
}

exports.end = function (next) {
  if (fault === 'slow') go()
  next()
}

/** `DISK GO` ends what `directory-slow` began. */
exports.go_on = function (next, connection, [command]) {
  if (command !== 'DISK') return next()
  go()
  connection.respond(211, 'it goes on', () => next(OK))
}

function go() {
  fault = ''
  release?.()
}

function failing(code) {
  return () => Promise.reject(failure(code))
}

function failure(code) {
  return Object.assign(new Error(`${code}: made for a test`), { code })
}
