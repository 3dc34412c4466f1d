#!/usr/bin/env bash
# Guess: transaction.add_header ("append a header to the message") does the same at MAIL, RCPT and data_post: the field
#   is the last one of the header, and the parsed header has it once.
# Really: added before the text it is the first, ahead of what the client sent; header.get_all() has it twice,
#   get_decoded() three times, the message once. Haraka's own record_envelope_addresses adds so.
# Versions: haraka 3.3.4, haraka-email-message 1.4.4
# Found in: haraka-email-message/lib/header.js, parse: it goes through header_list, where those fields stand already
# Why care: haraka-plugin-headers counts such a field as a duplicate; who reads the value gets "a@x, newline, a@x".
set -uo pipefail
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
export HOME=$folder
# Without the override a registry that lags cannot serve libmime's dependencies.
echo '{"private":true,"dependencies":{"haraka":"3.3.4"},"overrides":{"libmime":"5.4.8"}}' >package.json
timeout 120 npm install --ignore-scripts --omit=optional --no-audit --no-fund --silent >npm.log 2>&1 || { tail -3 npm.log; echo 'could not be installed'; exit 2; }
cat >try.js <<'JS'
'use strict'
const { version } = require('haraka-email-message/package.json')
console.log(`node ${process.version}  haraka ${require('./node_modules/haraka/package.json').version}  haraka-email-message ${version}`)
const { Writable } = require('node:stream')
const { createTransaction } = require('./node_modules/haraka/transaction')
const recorder = require('./node_modules/haraka/plugins/record_envelope_addresses')
const NAME = 'X-Envelope-From'
const params = [{ address: 'a@client.example' }]
const add = (transaction) => recorder.hook_mail(() => {}, { transaction }, params)
async function outcome(when) {
  const transaction = createTransaction('A.1', { headers: { max_lines: 1000 }, main: {} })
  if (when === 'at MAIL') add(transaction)
  for (const line of ['Subject: x', 'From: a@client.example', '', 'text']) transaction.add_data(Buffer.from(`${line}\r\n`))
  await new Promise((resolve) => transaction.end_data(resolve))
  if (when === 'at data_post') add(transaction)
  const octets = await new Promise((resolve) => {
    const parts = []
    const sink = new Writable({ write: (part, _encoding, next) => (parts.push(part), next()) })
    sink.on('finish', () => resolve(Buffer.concat(parts).toString()))
    transaction.message_stream.pipe(sink)
  })
  const names = octets.split('\r\n\r\n')[0].split('\r\n').map((line) => line.split(':')[0])
  const { header } = transaction
  const decoded = header.get_decoded(NAME).match(/a@client/g).length
  console.log(`${when}: ${names.join(', ')}; get_all ${header.get_all(NAME).length}, get_decoded ${decoded}`)
  return [names.join(), header.get_all(NAME).length, decoded].join(' ')
}
async function main() {
  const early = await outcome('at MAIL')
  const late = await outcome('at data_post')
  const stated = early === `${NAME},Subject,From 2 3` && late === `Subject,From,${NAME} 1 1`
  console.log(stated ? 'as stated' : 'changed: a field that is added early is seen otherwise now')
  process.exit(stated ? 0 : 1)
}
main()
JS
timeout 30 node try.js
