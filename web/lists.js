import { byId, element, table } from './element.js'
import { moment } from './format.js'

/** @import { StatusView } from './types' */

/** @type {Readonly<Record<keyof StatusView['messages']['skipped'], string>>} */
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

/** @type {Readonly<Record<Exclude<keyof StatusView['messages'], 'skipped'>, string>>} */
const COUNTERS = {
  journalFailed: 'Could not be queued: missed',
  withdrawn: 'Taken back, the original was not accepted',
  tokensRefused: 'With a token of a report, and none of ours',
  originalsRefused: 'Originals refused for a bare CR',
  fellBack: 'Refused, then sent with the original as a file',
  normalized: 'Of messages with bare CR or LF',
  inDoubt: 'Sent, the outcome of the original is not known',
  dropped: 'Taken out of the queue by an administrator',
  kept: 'Given up and kept',
  keptDropped: 'Kept, then dropped',
  replayed: 'Kept, then sent again',
}

/** @param {StatusView['messages']} messages */
export function showSkipped(messages) {
  const skipped = rowsOf(REASONS, messages.skipped)
  byId('skipped').replaceChildren(table(['Not copied', 'Number'], skipped))
  byId('counters').replaceChildren(table(['Copies', 'Number'], rowsOf(COUNTERS, messages)))
}

/**
 * @template {string} K
 * @param {Readonly<Record<K, string>>} labels
 * @param {Readonly<Record<K, number>>} numbers
 */
function rowsOf(labels, numbers) {
  const keys = /** @type {K[]} */ (Object.keys(labels))
  return keys.map((key) => [labels[key], numbers[key]])
}
