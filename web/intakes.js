import { linkTo } from './address.js'
import { byId, element, table } from './element.js'
import { counted, duration, moment } from './format.js'

/** @import { RowView } from './types' */

/**
 * The appliance's table.
 *
 * @param {readonly RowView[]} rows
 */
export function showIntakes(rows) {
  byId('intakes').replaceChildren(...rows.map(row))
  byId('intakes-table').hidden = rows.length === 0
  byId('star').hidden = !rows.some(({ isFailing }) => isFailing)
}

/**
 * What went well and what went wrong last, and how old the oldest copy is.
 *
 * @param {readonly RowView[]} rows
 */
export function showLast(rows) {
  const lines = rows
    .filter(({ isPart }) => !isPart)
    .map(({ name, lastSuccess, lastFailure, oldestAgeMs }) => [
      name,
      oldestAgeMs > 0 ? duration(oldestAgeMs) : '-',
      lastSuccess === null ? '-' : moment(lastSuccess),
      lastFailure === null ? '-' : failureOf(lastFailure),
    ])
  byId('last').replaceChildren(table(['Host', 'Oldest', 'Success', 'Failure'], lines))
}

/** @param {NonNullable<RowView['lastFailure']>} failure */
export function failureOf({ at, class: kind, text }) {
  return element('div', { class: 'long' }, moment(at), ` ${kind}: ${text}`)
}

/** @param {RowView} view */
function row(view) {
  const { name, isFailing, isPart, active, connections, delivered, softBounced, hardBounced } = view
  const mark = element('span', { class: 'down', title: 'failing' }, '* ')
  const numbers = [active, connections, delivered, softBounced, hardBounced]
  return element(
    'tr',
    isPart ? { class: 'part' } : {},
    element(
      'th',
      { scope: 'row' },
      ...(isFailing ? [mark] : []),
      ...(name === 'the.tdc.queue'
        ? breakable(name)
        : [element('a', { href: linkTo({ intake: name }) }, ...breakable(name))]),
    ),
    ...numbers.map((value, at) =>
      element('td', { class: 'number' }, value === null ? '' : drillable(view, value, COUNTS[at])),
    ),
  )
}

/** What the numbers of a row count, by the name that a search has for it. */
const COUNTS = ['active', undefined, 'delivered', 'softBounced', 'hardBounced']

/**
 * A number of an intake leads to the messages that it counts.
 *
 * @param {RowView} row
 * @param {number} value
 * @param {string | undefined} count
 */
function drillable({ name }, value, count) {
  const text = counted(value)
  if (count === undefined || value === 0 || name === 'the.tdc.queue') return text
  return element('a', { href: linkTo({ intake: name, count }) }, text)
}

/**
 * A name that may go on in the next line after a dot or an at sign.
 *
 * @param {string} name
 */
function breakable(name) {
  return name.split(/(?<=[.@])/).flatMap((part) => [part, element('wbr')])
}
