import { pathWith } from './address.js'
import { Chart } from './chart.js'
import { byId } from './element.js'

/** @import { Minute } from './chart.js' */

/** Milliseconds between two looks at the day, of which the server tells each minute apart. */
const EVERY = 60_000
/** The same for a server that has just begun, and has none yet. */
const SOON = 5_000
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
let domain = ''
let isDay = false
/** @type {ReturnType<typeof setTimeout> | undefined} */
let next

/** What is drawn follows the choice of hour or day. */
export function followDay() {
  for (const input of document.querySelectorAll('input[name=range]')) {
    input.addEventListener('change', () => {
      isDay = /** @type {HTMLInputElement} */ (input).value === 'day'
      draw()
    })
  }
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void ask()
  })
}

/**
 * Begins with what the server has of the last 24 hours.
 *
 * @param {string} intake its domain; '': all
 */
export function showDayOf(intake) {
  domain = intake
  known.clear()
  draw()
  byId('day-csv').setAttribute('href', pathWith('day.csv', { intake }))
  void ask()
}

async function ask() {
  clearTimeout(next)
  const of = domain
  try {
    const answer = document.hidden ? undefined : await fetch(pathWith('day', { intake: of }))
    const minutes = answer?.ok ? await answer.json() : []
    // Another view was chosen meanwhile, which asks for its own.
    if (of !== domain) return
    for (const minute of minutes) note(minute)
    draw()
  } catch {
    // Whether the server is there says the page's head.
  }
  clearTimeout(next)
  next = setTimeout(ask, known.size > 0 ? EVERY : SOON)
}

/** @param {readonly Minute[]} minutes the last hour of the processes that run, of all intakes */
export function showMinutes(minutes) {
  if (domain !== '') return
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
  // A page that stays open forgets.
  for (const { at } of all) if (at <= newest - 24 * HOUR) known.delete(at)
  const shown = all.filter(({ at }) => at > first)
  ended.show(shown)
  depth.show(shown)
}
