import { showAges } from './ages.js'
import { showConnections, showTls } from './connections.js'
import { followDay, showMinutes } from './day.js'
import { byId } from './element.js'
import { showFailures } from './failures.js'
import { moment } from './format.js'
import { showHead, showProcesses } from './head.js'
import { showIntakes, showLast } from './intakes.js'
import { showErrors, showSkipped } from './lists.js'
import { showMachines } from './machines.js'
import { answerSearch } from './search.js'

/** @import { StatusView } from './types' */

/** Milliseconds before a page that was turned away asks again. */
const ASK_AGAIN = 10_000

/**
 * The parts of the page; each is drawn anew only when what it shows has changed, so that a selection
 * or an open table stays.
 *
 * @type {readonly { of: (status: StatusView) => unknown, show: (status: StatusView) => void }[]}
 */
const PARTS = [
  { of: ({ takenAt }) => takenAt, show: showTakenAt },
  {
    of: ({ host, state, wrong, enabled, level, intake, intakeLevel, problems }) => [
      host,
      state,
      wrong,
      enabled,
      level,
      intake,
      intakeLevel,
      problems,
    ],
    show: showHead,
  },
  { of: ({ rows }) => rows, show: ({ rows }) => showIntakes(rows) },
  { of: ({ rows }) => rows, show: ({ rows }) => showLast(rows) },
  { of: ({ minutes }) => minutes, show: ({ minutes }) => showMinutes(minutes) },
  { of: ({ ages }) => ages, show: ({ ages }) => showAges(ages) },
  { of: ({ skipped, counted }) => ({ skipped, counted }), show: showSkipped },
  { of: ({ connections, takenAt }) => [connections, takenAt], show: showConnections },
  { of: ({ tls }) => tls, show: showTls },
  { of: ({ errors }) => errors, show: ({ errors }) => showErrors(errors) },
  { of: ({ processes, versions, service }) => [processes, versions, service], show: showProcesses },
]
/** @type {string[]} */
const shown = []

/** @type {EventSource | undefined} */
let events
/** @type {ReturnType<typeof setTimeout> | undefined} */
let again

answerSearch()
followDay()
void showFailures()
void showMachines()
document.addEventListener('visibilitychange', watch)
watch()

/** Nobody looks at a hidden page: it takes no news. */
function watch() {
  clearTimeout(again)
  events?.close()
  if (document.hidden) return
  events = new EventSource('events')
  events.addEventListener('message', ({ data }) => {
    live('live', 'Live')
    show(JSON.parse(data))
  })
  events.addEventListener('error', () => {
    live('lost', 'Connection lost, the figures are old')
    // The browser comes back by itself, unless it was turned away.
    if (events?.readyState === EventSource.CLOSED) again = setTimeout(watch, ASK_AGAIN)
  })
}

/** @param {StatusView} status */
function show(status) {
  for (const [at, part] of PARTS.entries()) {
    const now = JSON.stringify(part.of(status))
    if (now === shown[at]) continue
    shown[at] = now
    part.show(status)
  }
}

/** @param {StatusView} status */
function showTakenAt({ takenAt }) {
  byId('taken-at').replaceChildren(moment(takenAt))
}

/**
 * @param {'live' | 'lost'} state
 * @param {string} text
 */
function live(state, text) {
  const place = byId('live')
  if (place.dataset['state'] === state) return
  place.dataset['state'] = state
  place.textContent = text
}
