#!/usr/bin/env bash
# Guess: a time chart of one point, a minute after a start, spans a day or so around it.
# Really: uPlot makes 1,000 days of it when x is in seconds (its default) and 86 seconds when it is in
#         milliseconds: 86,400 is divided by `ms`, which is 1e-3 for seconds and 1 for milliseconds. A `range`
#         function is given that span as if it were the data's.
# Versions: uplot 1.6.32, in jsdom 26.1.0
# Found in: uPlot.js, autoScaleX: `if (_min == _max) ... _max = _min + round(86400 / ms)`
# Why care: marks of such an axis are months apart, each with the time 00:00, and the point stands at its left end
set -uo pipefail
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
export HOME=$folder
echo '{"private":true,"dependencies":{"uplot":"1.6.32","jsdom":"26.1.0"}}' >package.json
timeout 120 npm install --no-audit --no-fund --silent >npm.log 2>&1 || { tail -3 npm.log; echo 'could not be installed'; exit 2; }
cat >try.js <<'JS'
setTimeout(() => process.exit(2), 20000).unref()
const { JSDOM } = require('jsdom')
const { window } = new JSDOM('<div id="place"></div>', { pretendToBeVisual: true })
const { document, CustomEvent, HTMLElement, HTMLCanvasElement } = window
const matchMedia = () => ({ addEventListener() {}, removeEventListener() {} })
Object.assign(window, { matchMedia })
Object.assign(globalThis, { window, document, CustomEvent, HTMLElement, matchMedia, devicePixelRatio: 1 })
Object.defineProperty(globalThis, 'navigator', { value: window.navigator, configurable: true })
globalThis.requestAnimationFrame = (then) => setTimeout(then, 0)
globalThis.Path2D = function Path2D() { return new Proxy({}, { get: () => () => {} }) }
HTMLCanvasElement.prototype.getContext = () =>
  new Proxy({}, { get: (kept, key) => (key === 'measureText' ? () => ({ width: 9 }) : (kept[key] ?? (() => {}))), set: (kept, key, value) => ((kept[key] = value), true) })
const uPlot = require('uplot')
function span(ms, at) {
  let told
  const range = (_plot, first, last) => ((told = last - first), [first, last])
  new uPlot({ width: 400, height: 200, ms, scales: { x: { range } }, series: [{}, {}] }, [at, at.map(() => 1)], document.getElementById('place'))
  return new Promise((resolve) => setTimeout(() => resolve(told), 50))
}
async function main() {
  console.log('uplot', require('uplot/package.json').version)
  const [one, two] = [await span(1e-3, [1.7e9]), await span(1e-3, [1.7e9, 1.7e9 + 60])]
  const inMs = await span(1, [1.7e12])
  console.log(`x in seconds: one point spans ${one} s (${one / 86400} days), two points ${two} s`)
  console.log(`x in milliseconds: one point spans ${inMs} ms`)
  const same = one === 86400000 && two === 60 && inMs === 86400
  console.log(same ? 'as stated' : 'changed: one point spans something else')
  process.exit(same ? 0 : 1)
}
main().catch((error) => { console.error(error); process.exit(2) })
JS
node try.js
