#!/usr/bin/env bash
# Guess: a plugin that registers the hook pre_send_trans_email changes nothing for code that calls
#   outbound.send_email(from, to, text, next, { notes: {...} }) with notes of its own, as Outbound.md shows.
# Really: with any plugin on that hook the call throws: "Cannot read properties of undefined (reading 'includes')".
#   Without one it queues. The notes that are given replace the transaction's, and with them skip_plugins.
# Versions: Haraka 3.3.4.
# Found in: plugins.js run_next_hook (object.transaction?.notes.skip_plugins.includes, outside its try);
#   outbound/index.js send_email (transaction.notes = notes).
# Why care: dkim signs in this hook; whoever adds such a plugin breaks others that send mail with notes.
set -uo pipefail
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
export HOME="$dir"
echo '{"private":true,"overrides":{"libmime":"5.4.8"}}' > package.json
timeout 300 npm install --silent --no-audit --no-fund haraka@3.3.4 > npm.log 2>&1 || { echo "cannot install haraka@3.3.4"; tail -3 npm.log; exit 2; }
echo "haraka $(node -p "require('haraka/package.json').version"), node $(node -v)"
cat > try.js <<'JS'
const plugins = require('haraka/plugins')
const outbound = require('haraka/outbound')
let queued = 0
outbound.process_delivery = async () => { queued++ }
function send(what) {
  try {
    outbound.send_email('a@sender.example', 'b@recipient.example', 'Subject: x\r\n\r\nhi\r\n', () => {}, { notes: { job: 1 } })
    return `${what}: returned`
  } catch (error) {
    return `${what}: threw ${error.message}`
  }
}
const without = send('no plugin on the hook')
plugins.registered_plugins.signer = { name: 'signer', timeout: 0, sign: (next) => next() }
plugins.registered_hooks.pre_send_trans_email = [{ plugin: 'signer', method: 'sign', priority: 0 }]
const withOne = send('a plugin on pre_send_trans_email')
setTimeout(() => {
  console.log(`RESULT ${without}`)
  console.log(`RESULT ${withOne}`)
  console.log(`RESULT queued ${queued}`)
  process.exit(/returned$/.test(without) && /threw .*includes/.test(withOne) && queued === 1 ? 0 : 1)
}, 500)
JS
timeout 60 node try.js > out.txt 2>&1
code=$?
grep '^RESULT' out.txt
case $code in
  0) exit 0 ;;
  1) echo "changed: the call does not throw, or something else happens"; exit 1 ;;
  *) tail -5 out.txt; exit 2 ;;
esac
