import { byId, element, table } from './element.js'
import { moment } from './format.js'

/** @import { FailureGroup } from './types' */

/** Milliseconds between two looks. */
const EVERY = 10_000

/** Copies that were given up, grouped by what was in the way. */
export async function showFailures() {
  if (!document.hidden) {
    try {
      const answer = await fetch('failures')
      show(answer.ok ? await answer.json() : [])
    } catch {
      // Whether the server is there says the page's head.
    }
  }
  setTimeout(showFailures, EVERY)
}

let shown = ''

/** @param {readonly FailureGroup[]} groups */
function show(groups) {
  const now = JSON.stringify(groups)
  if (now === shown) return
  shown = now
  const rows = groups.map(({ domain, reason, text, count, first, last, example }) => [
    domain,
    reason,
    count,
    moment(first),
    moment(last),
    element('div', { class: 'long' }, link(example), ` ${text}`),
  ])
  const headings = ['Intake', 'Reason', 'Copies', 'First', 'Last', 'Example']
  byId('failures').replaceChildren(
    rows.length > 0 ? table(headings, rows) : element('p', { class: 'note' }, 'None is known of.'),
  )
}

/** @param {string} mid */
function link(mid) {
  return element('a', { href: `#message=${encodeURIComponent(mid)}` }, mid)
}
