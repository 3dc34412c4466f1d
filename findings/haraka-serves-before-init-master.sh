#!/usr/bin/env bash
# Guess: Haraka takes mail when the hooks of init_master have ended; one that fails keeps it from starting.
# Really: it listens first. Mail is taken, and answered 250, while init_master still runs; when a hook fails
#         or runs out of time (30 s) the process that has been serving ends itself.
# Versions: haraka 3.3.4
# Found in: haraka/server.js, setup_smtp_listeners: the listeners stand before `plugins.run_hooks('init_master', ...)` is answered
# Why care: what a plugin prepares there (a folder, a table, Redis) is not there for the first mails, and a
#         service that is away makes a server that works for half a minute and then ends, again and again.
set -uo pipefail
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
export HOME=$folder
# Without the override a registry that lags cannot serve libmime's dependencies.
echo '{"private":true,"dependencies":{"haraka":"3.3.4"},"overrides":{"libmime":"5.4.8"}}' >package.json
timeout 120 npm install --ignore-scripts --omit=optional --no-audit --no-fund --silent >npm.log 2>&1 || { tail -3 npm.log; echo 'could not be installed'; exit 2; }
echo "node $(node --version)  $(node -p 'Object.entries(require("./package.json").dependencies).map(([name]) => name + " " + require("./node_modules/" + name + "/package.json").version).join("  ")')"
cat >try.js <<'JS'
'use strict'
const { spawn } = require('node:child_process')
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs')
const net = require('node:net')
const bound = setTimeout(() => say(2, 'not done in time'), 40000)
let server
function say(code, text) {
  console.log(text)
  if (server) server.kill('SIGKILL')
  process.exit(code)
}
process.on('uncaughtException', (error) => say(2, `could not be tried: ${error.stack}`))
/** A Haraka in this folder: its port, once it listens. */
function haraka(config, plugins = {}) {
  for (const folder of ['config', 'plugins', 'queue']) mkdirSync(folder, { recursive: true })
  const all = { 'connection.ini': readFileSync('node_modules/haraka/config/connection.ini'), 'smtp.ini': '[main]\nlisten=127.0.0.1:0\nnodes=0\n', 'log.ini': '[main]\nlevel=info\nformat=default\n', me: 'mx.example\n', host_list: 'ours.example\n', ...config }
  for (const [name, text] of Object.entries(all)) writeFileSync(`config/${name}`, text)
  for (const [name, text] of Object.entries(plugins)) writeFileSync(`plugins/${name}.js`, text)
  server = spawn(process.execPath, ['node_modules/haraka/bin/haraka', '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve) => {
    let log = ''
    server.stdout.on('data', (text) => {
      log += text
      const [, port] = /Listening on 127\.0\.0\.1:(\d+)/.exec(log) ?? []
      if (port) resolve(Number(port))
    })
  })
}
/** Each line is sent when the one before has its reply; the replies. */
function talk(port, lines) {
  return new Promise((resolve) => {
    const replies = []
    let text = ''
    const socket = net.connect(port, '127.0.0.1').on('error', () => {}).on('close', () => resolve(replies))
    socket.on('data', (data) => {
      text += data
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end)
        text = text.slice(end + 2)
        if (line[3] === '-') continue
        replies.push(line)
        if (replies.length > lines.length) socket.end()
        else socket.write(`${lines[replies.length - 1]}\r\n`)
      }
    })
  })
}
const mail = (to, subject) => ['MAIL FROM:<alice@sender.example>', ...to.map((each) => `RCPT TO:<${each}>`), 'DATA', `Subject: ${subject}\r\n\r\nText.\r\n.`]
/** A mail server that keeps what it is sent; `answer(verb, line)` may wait, or answer otherwise. */
function nextHop(answer = () => {}) {
  const kept = []
  return new Promise((resolve) => {
    const hop = net.createServer((socket) => {
      let text = '', data = false, to = []
      socket.on('error', () => {}).write('220 hop\r\n')
      let turn = Promise.resolve()
      const one = async (line) => {
        if (data) {
          if (line !== '.') return
          data = false
          kept.push(to)
          socket.write('250 kept\r\n')
          return
        }
        const verb = line.slice(0, 4).toUpperCase()
        const other = await answer(verb, line)
        if (verb === 'MAIL') to = []
        if (verb === 'RCPT' && !other) to.push(line.replace(/.*<|>.*/g, ''))
        data = verb === 'DATA' && !other
        socket.write(`${other ?? (data ? '354 go' : '250 ok')}\r\n`)
      }
      socket.on('data', (octets) => {
        text += octets
        for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
          const line = text.slice(0, end)
          text = text.slice(end + 2)
          turn = turn.then(() => one(line))
        }
      })
    })
    hop.listen(0, '127.0.0.1', () => resolve({ port: hop.address().port, kept }))
  })
}
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
async function main() {
  const slow = 'exports.hook_init_master = (next) => setTimeout(() => { process.stdout.write("init_master is done\\n"); next(DENY, "as a hook that fails") }, 4000)'
  const hop = await nextHop()
  const port = await haraka({
    plugins: 'rcpt_to.in_host_list\nslow\nqueue/smtp_forward\n',
    'smtp_forward.ini': `[main]\nhost=127.0.0.1\nport=${hop.port}\n`,
  }, { slow })
  let done = false
  server.stdout.on('data', (text) => { done ||= String(text).includes('init_master is done') })
  const ended = new Promise((resolve) => server.once('exit', () => resolve(true)))
  const replies = await talk(port, ['EHLO client.example', ...mail(['bob@ours.example'], 'x'), 'QUIT'])
  const early = replies[5]?.startsWith('250') && !done && hop.kept.length === 1
  console.log(`told "${replies[5]}" ${done ? 'after' : 'before'} init_master was done; the next hop has ${hop.kept.length} mail`)
  const over = await Promise.race([ended, pause(20000).then(() => false)])
  console.log(`after the hook failed, Haraka ${over ? 'ended' : 'goes on'}`)
  say(early && over ? 0 : 1, early && over ? 'as stated' : 'changed: it waits for init_master, or does not end')
}
main()
JS
timeout 90 node try.js
code=$?
[ $code -le 2 ] || code=2
exit $code
