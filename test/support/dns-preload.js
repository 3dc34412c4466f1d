'use strict'
/* global process, require */
/*
 * For `node -r`: every DNS question of the process goes to the server that TDC_TEST_DNS names, such
 * as 127.0.0.1:5353. Look-ups through the system (getaddrinfo, /etc/hosts) stay as they are.
 */
// Plain CommonJS, for Haraka's process loads no TypeScript.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const dns = require('node:dns')

const server = process.env.TDC_TEST_DNS
if (server) {
  for (const home of [dns, dns.promises]) {
    home.Resolver = class extends home.Resolver {
      constructor(options) {
        super(options)
        super.setServers([server])
      }
    }
    home.setServers([server])
  }
}
