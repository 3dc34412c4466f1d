import { byId, element, table } from './element.js'
import { moment } from './format.js'

/** @import { MachineRow, MachinesView } from './types' */

/** Milliseconds between two looks; machines report every three seconds. */
const EVERY = 5_000

const HEADINGS = [
  'Machine',
  'Last report',
  'Connector',
  'State',
  'Active',
  'Delivered',
  'Soft bounced',
  'Hard bounced',
]

/** Shows all machines for as long as this server shares figures with others; else asks no more. */
export async function showMachines() {
  if (!document.hidden) {
    const view = await ask()
    if (view === null) return
    byId('machines-section').hidden = false
    byId('machines').replaceChildren(
      typeof view === 'string'
        ? element('p', { class: 'note' }, view)
        : table(HEADINGS, view.machines.map(row)),
    )
  }
  setTimeout(showMachines, EVERY)
}

/** @returns {Promise<MachinesView | string | null>} a sentence in place of the machines; null: nothing is shared */
async function ask() {
  try {
    const response = await fetch('machines')
    return response.ok ? await response.json() : await response.text()
  } catch {
    return 'This server does not answer.'
  }
}

/** @param {MachineRow} machine */
function row({ machine, at, isSilent, figures }) {
  const heard = isSilent
    ? element('span', { class: 'down' }, 'silent since ', moment(at))
    : moment(at)
  if (!figures) return [machine, heard, '-', '-', '-', '-', '-', '-']
  const { enabled, level, state, active, delivered, softBounced, hardBounced } = figures
  return [
    machine,
    heard,
    `${enabled ? 'enabled' : 'disabled'} (${level})`,
    state === 'failing' ? element('span', { class: 'down' }, state) : state,
    active,
    delivered,
    softBounced,
    hardBounced,
  ]
}
