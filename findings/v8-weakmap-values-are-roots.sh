#!/usr/bin/env bash
# Guess: an object that only a WeakMap knows, as its key, is gone with the next collection of young
#   objects like any other, whatever the map has for it.
# Really: to V8's scavenger the values of a WeakMap are roots. A value that leads back to its key keeps it,
#   and all that hangs on it, through every scavenge; only a mark-compact frees it. Deleting the entry
#   when the key's life is over, or values that do not lead back, make the garbage go at once.
# Versions: Node.js 20.20.2 (V8 11.3); tried with the node that is in PATH.
# Found in: V8 src/heap/scavenger.cc, ScavengeVisitor::VisitEphemeronHashTable ("treated as strong").
# Why care: a plugin that notes something about each connection in a WeakMap moves whole transactions to old
#   space: a mail server collected all of its memory two and a half times as often.
set -u
command -v node >/dev/null || { echo 'there is no node'; exit 2; }
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cat > "$folder/try.js" <<'JS'
const { getHeapSpaceStatistics } = require('node:v8')
const KEYS = 1_000
const OCTETS = 8_000

/** MB in old space. */
function old() {
  const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')
  return space.space_used_size / 1e6
}

/** What of the keys, of which nobody knows any more, is left by scavenges, and by a whole collection: MB. */
function left(value, forgets) {
  const known = new WeakMap()
  gc()
  const before = old()
  for (let i = 0; i < KEYS; i++) {
    const key = { octets: new Array(OCTETS / 8).fill(i) }
    known.set(key, value(key))
    if (forgets) known.delete(key)
    // As often as a server that allocates half a megabyte for each mail has one.
    if (i % 50 === 49) for (let times = 0; times < 3; times++) gc({ type: 'minor' })
  }
  const scavenged = old() - before
  gc()
  return { scavenged, collected: old() - before, known }
}

const rows = {
  'the value leads back to its key': left((key) => ({ key }), false),
  'the value does not': left(() => ({}), false),
  'it does, and is deleted at the end': left((key) => ({ key }), true),
}
console.log(`of ${(KEYS * OCTETS) / 1e6} MB of dead keys are left`)
for (const [what, { scavenged, collected }] of Object.entries(rows))
  console.log(`${what}: ${scavenged.toFixed(1)} MB by scavenges, ${collected.toFixed(1)} by a whole collection`)
const [back, plain, deleted] = Object.values(rows)
const isStated = back.scavenged > 6 && back.collected < 1 && plain.scavenged < 1 && deleted.scavenged < 1
process.exitCode = isStated ? 0 : 1
JS
echo "Node.js $(node -p 'process.version + ", V8 " + process.versions.v8')"
node --expose-gc "$folder/try.js"
status=$?
[ $status = 0 ] && echo 'as stated' || echo 'changed: what scavenges leave is something else'
exit $status
