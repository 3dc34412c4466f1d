'use strict'
/* global exports, OK */

// The demo's stand-in for a real scanner: mail that names a prize goes into quarantine, and not on.
exports.hook_data_post = function (next, connection) {
  const { transaction } = connection
  if (/prize/i.test(transaction.header.get('Subject'))) {
    transaction.notes.quarantine = 'demo'
    transaction.notes.quarantine_action = [OK, 'Kept in quarantine']
  }
  next()
}
