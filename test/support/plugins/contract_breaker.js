'use strict'
/* global exports */
/* Takes away from Haraka what the connector cannot do without; listed before it. */

exports.register = function () {
  delete this.haraka_require('outbound').build_todo
}
