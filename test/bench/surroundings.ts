/**
 * Each line of a message is a write of its own, and Haraka has Nagle's algorithm on towards the next hop: what is
 * behind the first waits for an acknowledgement that comes 40 ms late, with the plugin or without.
 */
const NO_DELAY = `
const { Socket } = require('node:net')
const { connect } = Socket.prototype
Socket.prototype.connect = function (...args) {
  this.setNoDelay(true)
  return connect.apply(this, args)
}
exports.register = function () {}
`

/** Milliseconds. */
const SYNC = 8
/** As many threads as libuv has for files. */
const SLOTS = 4

/** Every sync, and every write to a file that syncs by itself, takes its time in one of the slots. */
const SLOW_SYNC = `
const fs = require('node:fs/promises')
const { O_DSYNC } = require('node:fs').constants
const waiting = []
let free = ${SLOTS}
async function slowly(work) {
  if (free === 0) await new Promise((resolve) => waiting.push(resolve))
  else free--
  try {
    await new Promise((resolve) => setTimeout(resolve, ${SYNC}))
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else free++
  }
}
const { open } = fs
fs.open = async (path, flags, ...rest) => {
  const file = await open(path, flags, ...rest)
  const slow = typeof flags === 'number' && (flags & O_DSYNC) === O_DSYNC ? ['write', 'writev'] : ['sync', 'datasync']
  for (const call of slow) {
    const real = file[call].bind(file)
    file[call] = (...args) => slowly(() => real(...args))
  }
  return file
}
exports.register = function () {}
`

export const WITHOUT_NAGLE = { no_delay: NO_DELAY }
export const SLOW_DISK = { slow_sync: SLOW_SYNC }
