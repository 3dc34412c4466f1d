#!/usr/bin/env bash
# Guess: tls=true in [server] of Haraka's redis.ini has haraka-plugin-redis speak TLS: its list of socket options has
#         `tls`, and it gives the section to node-redis as it is.
# Really: haraka-config gives `true` as a text unless a plugin declares the key a boolean, and node-redis looks for
#         `tls === true`: the first octets on the wire are a command in plain text. A password of digits comes as a
#         number, which node-redis refuses as an argument.
# Versions: haraka-plugin-redis 2.1.0, haraka-config 1.7.0, redis 6.2.1 (4 and 5 look for the same)
# Found in: haraka-plugin-redis/index.js, load_redis_ini and socketOpts; @redis/client/lib/client/socket.ts,
#         #createSocketFactory
# Why care: whoever writes the line believes that what the plugins put into Redis travels encrypted.
set -uo pipefail
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
export HOME=$folder
echo '{"private":true,"dependencies":{"haraka-plugin-redis":"2.1.0","haraka-config":"1.7.0","redis":"6.2.1"}}' >package.json
timeout 120 npm install --ignore-scripts --no-audit --no-fund --silent >npm.log 2>&1 || { tail -3 npm.log; echo 'could not be installed'; exit 2; }
mkdir -p server/config
cat >look.js <<'JS'
const { createServer } = require('node:net')
const { writeFileSync } = require('node:fs')
const versions = ['haraka-plugin-redis', 'haraka-config', 'redis'].map(
  (name) => `${name} ${JSON.parse(require('node:fs').readFileSync(`node_modules/${name}/package.json`)).version}`,
)
console.log(`node ${process.version}  ${versions.join('  ')}`)

async function firstOctets(lines, change = (server) => server) {
  const seen = []
  const server = createServer((socket) => {
    socket.on('error', () => {}).once('data', (octets) => (seen.push(octets), socket.destroy()))
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const port = server.address().port
  writeFileSync('server/config/redis.ini', `[server]\nhost=127.0.0.1\nport=${port}\n${lines}\n`)
  const { module_config } = require('haraka-config')
  const config = new (require('haraka-config').constructor)(`${process.cwd()}/server/config`, true)
  const plugin = { ...require('haraka-plugin-redis'), name: 'mine', config, logerror() {}, loginfo() {} }
  process.env.WITHOUT_CONFIG_CACHE = '1'
  plugin.register()
  const options = change(plugin.redisCfg.server)
  options.socket.reconnectStrategy = false
  const why = await Promise.race([
    plugin.get_redis_client(options).then(() => 'connected', (error) => error.message),
    new Promise((done) => setTimeout(done, 3000, 'nothing for 3 seconds')),
  ])
  server.close()
  const [octets] = seen
  return octets ? (octets[0] === 0x16 ? 'a TLS handshake' : JSON.stringify(octets.subarray(0, 20).toString())) : why
}

async function main() {
  const text = await firstOctets('tls=true')
  console.log(`tls=true in redis.ini: first on the wire is ${text}`)
  const boolean = await firstOctets('tls=true', (server) => ({ ...server, socket: { ...server.socket, tls: true } }))
  console.log(`with the boolean instead (control): ${boolean}`)
  const digits = await firstOctets('username=haraka\npassword=12345678')
  console.log(`password=12345678: ${digits}`)
  process.exit(text.startsWith('"*') && boolean === 'a TLS handshake' ? 0 : 1)
}
main()
JS
HARAKA=$folder/server timeout 30 node look.js
case $? in
0) echo 'as stated'; exit 0 ;;
1) echo 'changed: tls=true in redis.ini is TLS, or the control is not'; exit 1 ;;
*) echo 'could not be tried'; exit 2 ;;
esac
