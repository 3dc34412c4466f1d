#!/usr/bin/env bash
# Guess: outbound.send_trans_email replaces an empty Message-Id (`<>`), as its code and its log line say.
# Really: never one that came with the message: a parsed value keeps its line end, and '<>\n' is not '<>'. The mail goes on with `<>`.
# Versions: haraka 3.3.4, haraka-email-message 1.4.4
# Found in: haraka/outbound/index.js, send_trans_email (`get('Message-Id') === '<>'`) beside haraka-email-message/lib/header.js, parse
# Why care: who relies on it gets a message without an identity; the replacement only works for a field that a plugin added.
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
const { Header } = require('haraka-email-message')
const { send_trans_email: source } = require('./node_modules/haraka/outbound')
const header = new Header()
header.parse(['Message-Id: <>\n', 'Subject: x\n'])
const asked = /get\('Message-Id'\) === '<>'/.test(String(source))
const value = header.get('Message-Id')
console.log(`outbound compares the value with '<>': ${asked}; the parsed value is ${JSON.stringify(value)}`)
const added = new Header()
added.add_end('Message-Id', '<>')
console.log(`that of an added field is ${JSON.stringify(added.get('Message-Id'))}`)
const stated = asked && value === '<>\n' && added.get('Message-Id') === '<>'
console.log(stated ? 'as stated' : 'changed: an empty Message-Id is seen otherwise now')
process.exit(stated ? 0 : 1)
JS
timeout 30 node try.js
