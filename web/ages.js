import { byId, element, table } from './element.js'

/** @import { StatusView } from './types' */

/** @param {StatusView['ages']} ages */
export function showAges(ages) {
  if (ages.every(({ copies }) => copies === 0)) {
    return byId('ages').replaceChildren(element('p', { class: 'note' }, 'The queue is empty.'))
  }
  const most = Math.max(1, ...ages.map(({ copies }) => copies))
  const rows = ages.map(({ below, copies }, at) => [
    label(below, ages[at - 1]?.below ?? 0),
    copies,
    element('meter', { max: most, value: copies, 'aria-hidden': true }),
  ])
  byId('ages').replaceChildren(table(['Age', 'Copies', 'Share'], rows))
}

/**
 * @param {number | null} below
 * @param {number} from
 */
function label(below, from) {
  return below === null ? `${from / 1000} s and more` : `${from / 1000} to ${below / 1000} s`
}
