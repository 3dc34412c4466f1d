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
  const lines = errors.map(({ at, text }) =>
    element('li', {}, moment(at), element('span', {}, text)),
  )
  byId('errors').replaceChildren(
    lines.length > 0
      ? element('ol', { class: 'steps' }, ...lines.reverse())
      : element('p', { class: 'note' }, 'None since the start.'),
  )
}

/** @param {Pick<StatusView, 'skipped' | 'counted'>} status */
export function showSkipped({ skipped, counted }) {
  const reasons = /** @type {(keyof typeof skipped)[]} */ (Object.keys(REASONS))
  const rows = reasons.map((reason) => [REASONS[reason], skipped[reason]])
  byId('skipped').replaceChildren(table(['Not copied', 'Number'], rows))
  const copies = counted.map(({ label, count }) => [label, count])
  byId('counters').replaceChildren(table(['Copies', 'Number'], copies))
}
