#!/usr/bin/env bash
# Guess: IMAP FETCH BINARY[n] takes off the transfer encoding of part n and nothing else; an attached message, which
#   may have none, is the same by BINARY[2] as by BODY[2].
# Really: Dovecot goes down into it: each of its parts is decoded, and its Content-Transfer-Encoding field is taken out
#   and written anew as its header's last, "binary". BODY[2] gives the octets that were delivered.
# Versions: Dovecot 2.3.19.1 (Debian 1:2.3.19.1+dfsg1-2.1+deb12u7), imapflow 2.10.2
# Found in: lib-storage/index/index-mail-binary.c, add_binary_part, which calls itself for each child.
# Why care: whoever reads journals or reported mail with `binary: true`, to spare a third of the octets, keeps evidence
#   that nobody sent: sizes, hashes and the DKIM signature of the original no longer fit.
set -uo pipefail
version=1:2.3.19.1+dfsg1-2.1+deb12u7
[ "$(id -u)" = 0 ] || { echo 'not tried: needs root'; exit 2; }
dir=$(mktemp -d) || exit 2
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
export HOME="$dir"
mkdir "$dir/pkg"
have() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }
libs=$(apt-cache depends dovecot-core 2>/dev/null | sed -n 's/^ *Depends: \(lib.*\)/\1/p' |
  while read -r lib; do have "$lib" || echo "$lib"; done)
(cd "$dir" && apt-get download -q "dovecot-core=$version" "dovecot-imapd=$version" $libs >/dev/null 2>&1 &&
  for deb in *.deb; do dpkg -x "$deb" pkg || exit 1; done) ||
  { echo "not tried: the packages dovecot-core and dovecot-imapd $version cannot be had"; exit 2; }
cd "$dir" || exit 2
echo '{"private":true,"dependencies":{"imapflow":"2.10.2"}}' >package.json
timeout 200 npm install --no-audit --no-fund --silent >npm.log 2>&1 || { tail -3 npm.log; echo 'imapflow cannot be installed'; exit 2; }
mkdir -p mail/new mail/cur mail/tmp base
cat >imap.conf <<CF
mail_location = maildir:$dir/mail
mail_uid = 65534
mail_gid = 65534
first_valid_uid = 1
mail_home = $dir/base
base_dir = $dir/base
state_dir = $dir/base
log_path = $dir/base/log
CF
cat >try.mjs <<'JS'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { ImapFlow } from 'imapflow'
setTimeout(() => process.exit(2), 60000).unref()
const crlf = (lines) => lines.join('\r\n') + '\r\n'
const original = crlf([
  'From: a@client.example', 'To: b@mx.example', 'Subject: invoice', 'MIME-Version: 1.0',
  'Content-Type: text/html; charset=utf-8', 'Content-Transfer-Encoding: base64', 'Message-ID: <1@client.example>', '',
  Buffer.from('<p>Grüße</p>').toString('base64'),
])
const outer = ['From: gateway@mx.example', 'Subject: report', 'MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=outer', '']
const report = crlf([...outer, '--outer', '', 'Sender: a@client.example', '--outer', 'Content-Type: message/rfc822', '']) +
  original + crlf(['', '--outer--'])
writeFileSync('mail/new/1.a', report)
const user = ['--reuid', '65534', '--regid', '65534', '--clear-groups', 'env', 'USER=nobody']
const server = createServer((socket) => {
  const imap = spawn('setpriv', [...user, '/usr/lib/dovecot/imap', '-c', `${process.cwd()}/imap.conf`], { stdio: ['pipe', 'pipe', 'ignore'] })
  socket.on('error', () => {}).pipe(imap.stdin.on('error', () => {}))
  imap.stdout.pipe(socket)
})
await new Promise((done) => server.listen(0, '127.0.0.1', done))
const client = new ImapFlow({
  host: '127.0.0.1', port: server.address().port, secure: false, doSTARTTLS: false, logger: false,
  auth: { user: 'nobody', pass: 'none' },
})
const parts = {}
try {
  await client.connect()
  await client.mailboxOpen('INBOX')
  for (const [name, options] of [['BODY[2]', {}], ['BINARY[2]', { binary: true }]]) {
    const message = await client.fetchOne('1', { bodyParts: ['2'] }, options)
    parts[name] = message.bodyParts.get('2')
  }
  await client.logout()
} catch (error) {
  console.log(`not tried: ${error.message}`)
  process.exit(2)
}
for (const [name, octets] of Object.entries(parts)) {
  console.log(`${name}: ${octets.length} octets, sha256 ${createHash('sha256').update(octets).digest('hex').slice(0, 16)}`)
  console.log(octets.toString().replaceAll('\r', '').replace(/^/gm, '  '))
}
const body = parts['BODY[2]'].toString()
const binary = parts['BINARY[2]'].toString()
const stated = body === original && binary.includes('\r\nContent-Transfer-Encoding: binary\r\n\r\n<p>Grüße</p>') && !binary.includes('base64')
console.log(stated ? 'as stated: BINARY[2] is another message than the one attached' : 'changed: BINARY[2] is no longer decoded below the part')
process.exit(stated ? 0 : 1)
JS
chown -R 65534:65534 mail base
unshare --mount --pid --fork --kill-child --mount-proc sh -c '
  for folder in usr etc; do
    mkdir -p "$0/up/$folder" "$0/work/$folder"
    mount -t overlay overlay -o "lowerdir=$0/pkg/$folder:/$folder,upperdir=$0/up/$folder,workdir=$0/work/$folder" "/$folder" || exit 2
  done
  for name in dovecot dovenull; do
    grep -q "^$name:" /etc/group || echo "$name:x:$((31000 + ${#name})):" >>/etc/group
    grep -q "^$name:" /etc/passwd || echo "$name:x:$((31000 + ${#name})):$((31000 + ${#name}))::/nonexistent:/bin/false" >>/etc/passwd
  done
  echo "Dovecot $(dovecot --version), node $(node --version), imapflow $(node -p "require(\"imapflow/package.json\").version")"
  exec node try.mjs' "$dir"
result=$?
[ $result = 2 ] && cat "$dir/base/log" 2>/dev/null
exit $result
