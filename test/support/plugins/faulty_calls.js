'use strict'
/* global exports, OK, process, require, __filename */
/*
 * For tests: of the calls that the connector makes of the disk, the DNS, sockets and Redis, one fails. The
 * SMTP command `FAIL name n` chooses the n-th of that name from now on, and answers whether one has failed
 * since the last `FAIL`: `yes` or `no`. `HOLD name` has all calls of that name wait until the next `HOLD`. Listed before the connector, which takes what it calls from here.
 */
/* eslint-disable @typescript-eslint/no-require-imports */
const fs = require('node:fs')
const files = require('node:fs/promises')
const dgram = require('node:dgram')
const net = require('node:net')
const tls = require('node:tls')
const { Resolver } = require('node:dns/promises')
const { createRequire } = require('node:module')
// The one that haraka-plugin-redis has.
const haraka = createRequire(process.argv[1])
const redis = createRequire(haraka.resolve('haraka-plugin-redis'))('redis')

let wanted = ''
let left = 0
let failed = 'no'
let held = ''
let release = () => {}
let released

/** The code that calls is the connector's, and not what the connector calls. */
function isOurs() {
  const frames = new Error().stack.split('\n').slice(1)
  const caller = frames.find((line) => !line.includes('node:') && !line.includes(__filename))
  return caller !== undefined && caller.includes('haraka-plugin-tdc')
}

function fault(name, code, whose = isOurs) {
  if (name !== wanted || left === 0 || !whose() || --left > 0) return undefined
  failed = 'yes'
  return Object.assign(new Error(`${name} was made to fail`), { code, syscall: name })
}

function make(home, names, code, fails, of = '', whose = isOurs) {
  for (const name of names) {
    const real = home[name]
    home[name] = function (...args) {
      const error = fault(of + name, code, whose)
      if (error) return fails(error)
      if (of + name === held && whose()) return released.then(() => real.apply(this, args))
      return real.apply(this, args)
    }
  }
}

const rejects = (error) => Promise.reject(error)
const throws = (error) => {
  throw error
}

const OF_FILES = [
  'access',
  'chown',
  'mkdir',
  'opendir',
  'readdir',
  'realpath',
  'rename',
  'stat',
  'statfs',
  'unlink',
]
make(files, OF_FILES, 'EIO', rejects)
make(
  fs,
  ['openSync', 'readSync', 'readdirSync', 'renameSync', 'unlinkSync', 'linkSync'],
  'EIO',
  throws,
)
make(net, ['connect'], 'ECONNRESET', throws, 'net.')
make(net.Socket.prototype, ['write', 'end'], 'ECONNRESET', throws, 'socket.')
make(tls, ['connect', 'createSecureContext'], 'ECONNRESET', throws, 'tls.')
make(dgram, ['createSocket'], 'EMFILE', throws, 'udp.')
make(dgram.Socket.prototype, ['connect', 'send'], 'ENETUNREACH', throws, 'udp.')
make(Resolver.prototype, ['resolveMx', 'resolve4', 'resolve6', 'resolveTxt'], 'ESERVFAIL', rejects)

const { open } = files
let isWrapped = false
files.open = async (...args) => {
  const error = fault('open', 'EIO')
  if (error) throw error
  const file = await open(...args)
  if (!isWrapped) {
    isWrapped = true
    make(
      Object.getPrototypeOf(file),
      ['read', 'write', 'writev', 'sync', 'stat', 'close', 'truncate'],
      'EIO',
      rejects,
    )
  }
  return file
}

// Nobody else has one; haraka-plugin-redis makes the clients.
const any = () => true
const { createClient } = redis
redis.createClient = (...args) => {
  const client = createClient(...args)
  make(client, ['connect', 'sendCommand'], 'ECONNRESET', rejects, 'redis.', any)
  return client
}
make(redis, ['createClient'], 'ECONNRESET', throws, 'redis.', any)

exports.hook_unrecognized_command = function (next, connection, [command, given]) {
  if (command === 'HOLD') {
    release()
    held = String(given ?? '')
    released = new Promise((resolve) => (release = resolve))
  } else if (command !== 'FAIL') return next()
  connection.respond(211, failed, () => next(OK))
  if (command === 'HOLD') return
  failed = 'no'
  const [name = '', count = '0'] = String(given ?? '').split(' ')
  wanted = name
  left = Number(count)
}
