'use strict'
/* global process */
/*
 * For `node -r`: what the process takes for the time of day is so many milliseconds off as the last
 * `test-clock` event of the process said. The machine's clock, and monotonic time, stay as they are.
 */
let offset = 0
process.on('test-clock', (milliseconds) => (offset = milliseconds))

const now = Date.now
globalThis.Date = new Proxy(Date, {
  construct: (RealDate, args, target) =>
    Reflect.construct(RealDate, args.length > 0 ? args : [now() + offset], target),
  apply: (RealDate) => new RealDate(now() + offset).toString(),
  get: (RealDate, name, receiver) =>
    name === 'now' ? () => now() + offset : Reflect.get(RealDate, name, receiver),
})
