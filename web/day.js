import { Chart } from './chart.js'
import { byId } from './element.js'

/** @import { Minute } from './chart.js' */

/** Milliseconds between two looks at the day, of which the server tells each minute apart. */
const EVERY = 60_000
const HOUR = 3_600_000

const ended = new Chart(byId('ended'), 'Copies per minute', [
  { name: 'delivered', label: 'Delivered', value: (minute) => minute.delivered },
  { name: 'failed', label: 'Failed', value: (minute) => minute.failed },
])
const depth = new Chart(byId('depth'), 'Copies in the queue', [
  { name: 'depth', label: 'In the queue', value: (minute) => minute.depth },
])

/** @type {Map<number, Minute>} */
const known = new Map()
let isDay = false

/** Begins with what the server has of the last 24 hours. */
export function followDay() {
  for (const input of document.querySelectorAll('input[name=range]')) {
    input.addEventListener('change', () => {
      isDay = /** @type {HTMLInputElement} */ (input).value === 'day'
      draw()
    })
  }
  void ask()
}

async function ask() {
  try {
    const answer = await fetch('day')
    if (answer.ok) for (const minute of await answer.json()) note(minute)
    draw()
  } catch {
    // Whether the server is there says the page's head.
  }
  setTimeout(ask, EVERY)
}

/** @param {readonly Minute[]} minutes the last hour of the processes that run */
export function showMinutes(minutes) {
  for (const minute of minutes) note(minute)
  draw()
}

/**
 * Of a minute in which the server was started anew the day knows more.
 *
 * @param {Minute} minute
 */
function note(minute) {
  const old = known.get(minute.at)
  const isMore = !old || minute.delivered + minute.failed >= old.delivered + old.failed
  if (isMore) known.set(minute.at, minute)
}

function draw() {
  const all = [...known.values()].sort((a, b) => a.at - b.at)
  const newest = all.at(-1)?.at ?? 0
  const first = newest - (isDay ? 24 : 1) * HOUR
  const shown = all.filter(({ at }) => at > first)
  ended.show(shown)
  depth.show(shown)
}
