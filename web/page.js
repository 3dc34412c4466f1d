import { viewNow } from './address.js'
import { showAges } from './ages.js'
import { showConnections, showTls } from './connections.js'
import { followDay, showDayOf, showMinutes } from './day.js'
import { byId } from './element.js'
import { followFailures, noteGivenUp, showFailuresOf } from './failures.js'
import { itIs } from './format.js'
import { showHead, showProcesses, showTakenAt } from './head.js'
import { showIntake } from './intake.js'
import { showIntakes, showLast } from './intakes.js'
import { showErrors, showSkipped } from './lists.js'
import { followNews } from './news.js'
import { showShared } from './machines.js'
import { answerSearch, showFound } from './search.js'

/** @import { StatusView } from './types' */

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
      [host, state, wrong, enabled, level, intake, intakeLevel, problems, view.domain],
    ],
    show: (status) => showHead(status, view.domain),
  },
  { of: ({ rows }) => [rows, view.domain], show: (status) => showIntake(status, view.domain) },
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

let view = viewNow()
/** @type {StatusView | undefined} the last that was told */
let told

answerSearch(figureOf)
followDay()
followFailures()
showShared()
follow()
addEventListener('hashchange', () => {
  view = viewNow()
  follow()
  go()
})
followNews((status) => {
  told = status
  itIs(status.takenAt)
  noteGivenUp(status.rows[0]?.hardBounced ?? 0)
  show()
})

/** Shows what the address names. */
function follow() {
  document.body.dataset['view'] = view.domain === '' ? 'all' : 'intake'
  showDayOf(view.domain)
  showFailuresOf(view.domain)
  showFound(view)
  show()
}

/**
 * What the table counts of it; undefined: nothing is told yet, or it is no number of the table.
 *
 * @param {typeof view} view
 */
function figureOf({ intake, count }) {
  const row = told?.rows.find(({ name }) => name === intake)
  const figures = /** @type {Readonly<Record<string, unknown>> | undefined} */ (row)
  const figure = count === '' ? undefined : figures?.[count]
  return typeof figure === 'number' ? figure : undefined
}

/** To where it stands, unless somebody types. */
function go() {
  if (document.activeElement === byId('wanted')) return
  const isList = view.message !== '' || view.count !== '' || view.group !== ''
  if (isList) byId('search-heading').focus()
  else if (view.domain !== '') byId('intake-heading').focus()
  if (!isList) scrollTo(0, 0)
}

function show() {
  if (!told) return
  const status = ofIntake(told, view.domain)
  for (const [at, part] of PARTS.entries()) {
    const now = JSON.stringify(part.of(status))
    if (now === shown[at]) continue
    shown[at] = now
    part.show(status)
  }
}

/**
 * What is about one intake; '': about all.
 *
 * @param {StatusView} status
 * @param {string} domain
 * @returns {StatusView}
 */
function ofIntake(status, domain) {
  if (domain === '') return status
  const isOfIt = (/** @type {{ domain: string | null }} */ each) => each.domain === domain
  return {
    ...status,
    rows: status.rows.filter(isOfIt),
    connections: status.connections.filter(isOfIt),
    tls: status.tls.filter(isOfIt),
    errors: status.errors.filter(isOfIt),
  }
}
