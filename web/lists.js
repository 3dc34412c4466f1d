import { byId, element, table } from './element.js'
import { moment } from './format.js'

/** @import { StatusView } from './types' */

const REASONS = {
  disabled: 'The connector is disabled',
  outgoing: 'Outgoing mail',
  quarantined: 'Quarantined',
  discarded: 'To be discarded',
  'to-intake': 'To an intake address',
  'own-report': 'A report of this installation',
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

/** @param {StatusView['messages']} messages */
export function showSkipped(messages) {
  const { skipped, journalFailed, inDoubt, withdrawn, kept, keptDropped, replayed } = messages
  /** @type {Readonly<Record<string, string>>} */
  const words = REASONS
  byId('skipped').replaceChildren(
    table(
      ['Reason', 'Number'],
      [
        ['Could not be queued (missed)', journalFailed],
        ...Object.entries(skipped).map(([reason, count]) => [words[reason] ?? reason, count]),
        ['Taken back, the original was not accepted', withdrawn],
        ['Sent in doubt of the original', inDoubt],
        ['Given up and kept', kept],
        ['Kept, then dropped', keptDropped],
        ['Kept, then sent again', replayed],
      ],
    ),
  )
}
