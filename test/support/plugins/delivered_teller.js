'use strict'
/* global exports */
/* Says what a `delivered` hook is told, as one line of JSON. */

exports.hook_delivered = function (next, item, params) {
  const [host, ip, response, , port, mode, recipients, secured] = params
  const { uuid, domain } = item.todo
  const to = recipients.map((recipient) => recipient.format())
  const told = { uuid, domain, host, ip, port, response, mode, to, secured }
  this.lognotice(`told ${JSON.stringify(told)}`)
  next()
}
