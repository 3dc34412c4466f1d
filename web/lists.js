import { byId, element, table } from './element.js'
import { moment } from './format.js'

/** @import { StatusView } from './types' */

/** @type {Readonly<Record<keyof StatusView['skipped'], string>>} */
const REASONS = {
  disabled: 'The connector is disabled',
  outgoing: 'Outgoing mail',
  quarantined: 'Quarantined',
  discarded: 'To be discarded',
  'to-intake': 'To an intake address',
  'own-report': 'A report of this installation',
  'not-clean': 'Not clean, by a rule of [clean] unless',
  'policy-no': 'The policy says no',
}

/** @param {StatusView['errors']} errors */
export function showErrors(errors) {
  const lines = grouped(errors).map(({ at, text, count }) =>
    element(
      'li',
      {},
      moment(at),
      element('span', {}, count > 1 ? `${text} (${count} times)` : text),
    ),
  )
  byId('errors').replaceChildren(
    lines.length > 0
      ? element('ol', { class: 'steps' }, ...lines.reverse())
      : element('p', { class: 'note' }, 'None since the start.'),
  )
}

/**
 * Those that say the same but for numbers are one, the last of them.
 *
 * @param {StatusView['errors']} errors the oldest first
 */
function grouped(errors) {
  /** @type {Map<string, StatusView['errors'][number] & { count: number }>} */
  const groups = new Map()
  for (const error of errors) {
    const key = error.text.replace(/\d+|\b[0-9A-F-]{36}\b/g, '#')
    const count = (groups.get(key)?.count ?? 0) + 1
    groups.delete(key)
    groups.set(key, { ...error, count })
  }
  return [...groups.values()]
}

/** @param {Pick<StatusView, 'skipped' | 'counted'>} status */
export function showSkipped({ skipped, counted }) {
  const reasons = /** @type {(keyof typeof skipped)[]} */ (Object.keys(REASONS))
  const rows = reasons.map((reason) => ({ label: REASONS[reason], count: skipped[reason] }))
  byId('skipped').replaceChildren(numbers('Not copied', rows))
  byId('counters').replaceChildren(numbers('Copies', counted))
}

/**
 * Those that are not 0.
 *
 * @param {string} what
 * @param {readonly { label: string, count: number }[]} all
 */
function numbers(what, all) {
  const rows = all.filter(({ count }) => count > 0).map(({ label, count }) => [label, count])
  if (rows.length === 0) return element('p', { class: 'note' }, 'None since the start.')
  return table([what, 'Number'], rows)
}
