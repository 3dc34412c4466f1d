'use strict'
/* global Buffer, exports */
/* Changes messages to certain recipients before the connector sees them, as other plugins do. */

exports.hook_data = function (next, { transaction }) {
  if (wanted(transaction, 'body')) {
    transaction.add_body_filter('text/plain', (_type, _encoding, body) => {
      return Buffer.from(body.toString().replaceAll('secret', '[taken out]'))
    })
  }
  if (wanted(transaction, 'banner')) transaction.set_banner('Scanned by nobody.')
  next()
}

exports.hook_data_post = function (next, { transaction }) {
  if (wanted(transaction, 'headers')) {
    transaction.add_header('X-Scanned', 'yes')
    transaction.add_leading_header('X-First', 'on top,\r\n\tfolded')
    transaction.remove_header('X-Unwanted')
  }
  next()
}

function wanted({ rcpt_to }, what) {
  return rcpt_to.some(({ user }) => user === what)
}
