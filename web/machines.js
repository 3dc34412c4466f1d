import { byId, element, table } from './element.js'
import { duration, moment } from './format.js'

/** @import { MachineRow, MachinesView, SharedView } from './types' */

/** Milliseconds between two looks; machines report every three seconds. */
const EVERY = 5_000

/** Shows all machines, and the queue that they share, for as long as this server shares that; else asks no more. */
export function showShared() {
  void show('machines', (/** @type {MachinesView} */ { machines }) => [
    table(MACHINE, machines.map(machineRow)),
  ])
  void show('shared-queue', sharedQueue)
}

/**
 * @template View
 * @param {string} name what the server is asked for, and where it is shown
 * @param {(view: View) => Node[]} drawn
 */
async function show(name, drawn) {
  if (!document.hidden) {
    /** @type {View | string | null} */
    const view = await ask(name)
    if (view === null) return
    byId(`${name}-section`).hidden = false
    const shown = typeof view === 'string' ? [element('p', { class: 'note' }, view)] : drawn(view)
    byId(name).replaceChildren(...shown)
  }
  setTimeout(() => show(name, drawn), EVERY)
}

/**
 * A sentence in place of what it is; null: nothing is shared.
 *
 * @param {string} name
 */
async function ask(name) {
  try {
    const response = await fetch(name)
    return response.ok ? await response.json() : await response.text()
  } catch {
    return 'This server does not answer.'
  }
}

const MACHINE = [
  'Machine',
  'Last report',
  'Connector',
  'State',
  'Active',
  'Delivered',
  'Soft bounced',
  'Hard bounced',
]

/** @param {MachineRow} machine */
function machineRow({ machine, at, isSilent, figures }) {
  const heard = heardAt(at, isSilent)
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

const PROCESS = ['Machine', 'Process', 'Last report', 'Copies']
const COPY = ['MID', 'Machine', 'Process', 'Intake', 'State', 'Age', 'Attempts', 'Octets']

/** @param {SharedView} view */
function sharedQueue({ count, processes, copies }) {
  const rows = copies.map(({ mid, machine, pid, intake, state, ageMs, attempts, size }) => {
    const where = state === 'orphaned' ? element('span', { class: 'down' }, state) : state
    return [mid, machine, String(pid), intake, where, duration(ageMs), attempts, size]
  })
  const shown = rows.length < count ? `${rows.length} of ${count} copies:` : ''
  return [
    table(
      PROCESS,
      processes.map(({ machine, pid, at, isSilent, copies }) => {
        return [machine, String(pid), heardAt(at, isSilent), copies]
      }),
    ),
    element('p', { class: 'note' }, rows.length > 0 ? shown : 'No copy waits.'),
    ...(rows.length > 0 ? [table(COPY, rows)] : []),
  ]
}

/**
 * @param {number} at
 * @param {boolean} isSilent
 */
function heardAt(at, isSilent) {
  return isSilent ? element('span', { class: 'down' }, 'silent since ', moment(at)) : moment(at)
}
