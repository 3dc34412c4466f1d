'use strict'
/* global exports, require, setTimeout */
/*
 * Does to messages and queue items what other plugins may: holds the message's pipe for the
 * milliseconds that the recipient `pipe-MS` names, waits in `send_email` before the connector, never
 * comes back from `delivered`.
 */
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { Writable } = require('node:stream')

const DOMAIN = 'the.tdc.queue'

exports.register = function () {
  this.register_hook('queue', 'hold_pipe', -200)
  this.register_hook('send_email', 'wait', -200)
  this.register_hook('send_email', 'tell', 200)
  this.register_hook('get_mx', 'tell', -200)
  this.register_hook('delivered', 'hang')
}

exports.hold_pipe = function (next, { transaction }) {
  const [, milliseconds] = /^pipe-(\d+)$/.exec(transaction.rcpt_to[0].user) ?? []
  if (milliseconds) {
    let wait = Number(milliseconds)
    const write = (_chunk, _encoding, done) => {
      setTimeout(done, wait)
      wait = 0
    }
    transaction.message_stream.pipe(new Writable({ write, highWaterMark: 1 }))
  }
  next()
}

exports.wait = (next) => setTimeout(next, 20)

exports.tell = function (next, item) {
  if (item.todo.domain === DOMAIN) this.lognotice(`core goes on with ${item.filename}`)
  next()
}

exports.hang = function (next, item) {
  if (item.todo.domain !== DOMAIN) next()
}
