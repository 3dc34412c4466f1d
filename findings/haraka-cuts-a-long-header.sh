#!/usr/bin/env bash
# Guess: headers.max_lines ("maximum number of header lines accepted", 1000) refuses a message with more, or bounds
#   only what plugins see of it; the log speaks of a "maximum parsing limit".
# Really: the message is taken, and goes on without the lines behind the 1,000th. A list of 1,200 recipients, folded
#   one to a line, loses those at its end, and the Subject and Content-Type that stand below it.
# Versions: haraka 3.3.4, haraka-email-message 1.4.4, haraka-message-stream 2.0.8
# Found in: haraka/transaction.js, add_data; haraka-message-stream/index.js, which writes the parsed header, not the octets
# Why care: a large but valid mail arrives without its subject, its MIME parts shown as text; its DKIM signature fails.
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
const { spawn } = require('node:child_process')
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs')
const net = require('node:net')
const { createInterface } = require('node:readline')
const versions = ['haraka', 'haraka-email-message', 'haraka-message-stream'].map(
  (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`,
)
console.log(`node ${process.version}  ${versions.join('  ')}`)
setTimeout(() => say(2, 'not done in time'), 40000)
let server
let log = ''
function say(code, text) {
  console.log(text)
  if (server) server.kill('SIGKILL')
  process.exit(code)
}
process.on('uncaughtException', (error) => say(2, `could not be tried: ${error.stack}`))
process.on('unhandledRejection', (error) => say(2, `could not be tried: ${error.stack}`))
/** A Haraka in this folder: its port, once it listens. */
function haraka(plugins) {
  for (const folder of ['config', 'plugins', 'queue']) mkdirSync(folder, { recursive: true })
  const all = { 'connection.ini': readFileSync('node_modules/haraka/config/connection.ini'), 'smtp.ini': '[main]\nlisten=127.0.0.1:0\nnodes=0\n', 'log.ini': '[main]\nlevel=info\nformat=default\n', me: 'mx.example\n', plugins: `${Object.keys(plugins).join('\n')}\n` }
  for (const [name, text] of Object.entries(all)) writeFileSync(`config/${name}`, text)
  for (const [name, text] of Object.entries(plugins)) writeFileSync(`plugins/${name}.js`, text)
  server = spawn(process.execPath, ['node_modules/haraka/bin/haraka', '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve) => {
    server.stdout.on('data', (text) => {
      log += text
      const [, port] = /Listening on 127\.0\.0\.1:(\d+)/.exec(log) ?? []
      if (port) resolve(Number(port))
    })
  })
}
// Keeps the message as every queue plugin gets it.
const KEEP = `
exports.hook_rcpt = (next) => next(OK)
exports.hook_queue = (next, { transaction }) => {
  const file = require('node:fs').createWriteStream('kept.eml')
  file.on('close', () => next(OK))
  transaction.message_stream.pipe(file)
}
`
function message(recipients) {
  const to = Array.from({ length: recipients }, (_, at) => ` user${at + 1}@mx.example`)
  return [
    'From: a@client.example', `To:${to.join(',\r\n')}`, 'Subject: a long list', 'MIME-Version: 1.0',
    'Content-Type: text/html', '', '<p>text</p>', '.', '',
  ].join('\r\n')
}
async function send(port, recipients) {
  const socket = net.connect(port, '127.0.0.1')
  const lines = createInterface(socket)[Symbol.asyncIterator]()
  const reply = async () => {
    for (;;) {
      const { value = '' } = await lines.next()
      if (value[3] !== '-') return value
    }
  }
  await reply()
  for (const command of ['EHLO client.example', 'MAIL FROM:<a@client.example>', 'RCPT TO:<b@mx.example>', 'DATA']) {
    socket.write(`${command}\r\n`)
    await reply()
  }
  socket.write(message(recipients))
  const answer = await reply()
  socket.end('QUIT\r\n')
  const header = readFileSync('kept.eml', 'utf8').split('\r\n\r\n')[0]
  const found = header.match(/ user\d+@/g).length
  const has = (name) => new RegExp(`^${name}:`, 'm').test(header)
  const outcome = `${answer.slice(0, 3)}; recipients ${found} of ${recipients}; Subject ${has('Subject')}; Content-Type ${has('Content-Type')}`
  console.log(outcome)
  return outcome
}
async function main() {
  const port = await haraka({ keep: KEEP })
  const short = await send(port, 900)
  const long = await send(port, 1200)
  console.log(log.split('\n').filter((line) => line.includes('header lines')).join('\n'))
  const stated =
    short === '250; recipients 900 of 900; Subject true; Content-Type true' &&
    long === '250; recipients 998 of 1200; Subject false; Content-Type false'
  if (stated) say(0, 'as stated: the message is taken, and its header is cut')
  say(1, 'changed: the header is not cut like this now')
}
main()
JS
timeout 60 node try.js
