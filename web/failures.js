import { linkTo, pathWith } from './address.js'
import { byId, element, table } from './element.js'
import { counted, moment } from './format.js'

/** @import { FailureGroup } from './types' */

/** Milliseconds between two looks, while copies are given up and while none is. */
const SOON = 5_000
const LATER = 30_000

/** @type {readonly FailureGroup[] | string} a sentence: they cannot be had */
let groups = []
let domain = ''
/** Copies that the server has counted; undefined: it has said nothing yet. */
let given = -1
/** What that was when the server was asked for the groups. */
let asked = -1
/** @type {ReturnType<typeof setTimeout> | undefined} */
let next

/** Copies that were given up, grouped by what was in the way. */
export function followFailures() {
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void ask()
  })
  void ask()
}

/** @param {string} intake its domain; '': all */
export function showFailuresOf(intake) {
  domain = intake
  for (const name of ['failures', 'lost']) {
    byId(`${name}-csv`).setAttribute('href', pathWith(`${name}.csv`, { intake }))
  }
  show()
}

/** @param {number} count of copies given up since the start: when it changes, the groups do soon */
export function noteGivenUp(count) {
  if (count === given) return
  given = count
  show()
  wait(SOON)
}

async function ask() {
  const counted = given
  if (!document.hidden) {
    try {
      const answer = await fetch('failures')
      groups = answer.ok ? await answer.json() : await answer.text()
    } catch {
      groups = 'The server cannot be reached.'
    }
    show()
  }
  // The answer may be some seconds old: what has just changed is asked for once more.
  wait(asked === counted ? LATER : SOON)
  asked = counted
}

/** @param {number} ms */
function wait(ms) {
  clearTimeout(next)
  next = setTimeout(ask, ms)
}

let shown = ''

function show() {
  const now = JSON.stringify([groups, domain, given > 0])
  if (now === shown) return
  shown = now
  byId('failures').replaceChildren(
    typeof groups === 'string' ? note(groups) : grouped(groups.filter(isOfIntake)),
  )
}

/** @param {FailureGroup} group */
function isOfIntake(group) {
  return domain === '' || group.domain === domain
}

/** @param {readonly FailureGroup[]} some */
function grouped(some) {
  if (some.length === 0) {
    return note(given > 0 && domain === '' ? 'Not listed yet.' : 'None is known of.')
  }
  const rows = some.map(({ id, domain, reason, text, count, first, last, example }) => [
    domain,
    element('span', { class: 'whole' }, reason),
    element('a', { href: linkTo({ 'given-up': id }) }, counted(count)),
    moment(first),
    moment(last),
    element('div', { class: 'long' }, link(example), ` ${text}`),
  ])
  return table(['Intake', 'Reason', 'Copies', 'First', 'Last', 'Example'], rows)
}

/** @param {string} text */
function note(text) {
  return element('p', { class: 'note' }, text)
}

/** @param {string} mid */
function link(mid) {
  return element('a', { href: linkTo({ message: mid }) }, mid)
}
