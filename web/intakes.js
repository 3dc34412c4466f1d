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
      lastFailure === null
        ? '-'
        : element(
            'div',
            { class: 'long' },
            moment(lastFailure.at),
            ` ${lastFailure.class}: ${lastFailure.text}`,
          ),
    ])
  byId('last').replaceChildren(table(['Host', 'Oldest', 'Success', 'Failure'], lines))
}

/** @param {RowView} view */
function row(view) {
  const { name, isFailing, isPart, active, connections, delivered, softBounced, hardBounced } = view
  const mark = element('span', { class: 'down', title: 'failing' }, '* ')
  const numbers = [active, connections, delivered, softBounced, hardBounced]
  return element(
    'tr',
    isPart ? { class: 'part' } : {},
    element('th', { scope: 'row' }, ...(isFailing ? [mark] : []), ...breakable(name)),
    ...numbers.map((value) =>
      element('td', { class: 'number' }, value === null ? '' : counted(value)),
    ),
  )
}

/**
 * A name that may go on in the next line after a dot or an at sign.
 *
 * @param {string} name
 */
function breakable(name) {
  return name.split(/(?<=[.@])/).flatMap((part) => [part, element('wbr')])
}
