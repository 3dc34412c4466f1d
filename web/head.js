import { byId, element } from './element.js'
import { dayOf, timeOf } from './format.js'

/** @import { StatusView } from './types' */

/** @param {StatusView} status */
export function showHead({ enabled, level, intake, intakeLevel, held, holds, silent, problems }) {
  const pill = byId('enabled')
  pill.textContent = `${enabled ? 'Enabled' : 'Disabled'} (${level})`
  pill.dataset['on'] = String(enabled)
  byId('intake').textContent = intake === null ? '' : `to ${intake} (${intakeLevel})`

  const notices = [
    ...(holds.length > 0 ? [heldText(holds, held)] : []),
    ...silent.map(
      ({ worker, pid }) =>
        `Worker ${worker} (process ${pid}) did not answer: its figures are missing here.`,
    ),
    ...problems,
  ]
  const list = byId('notices')
  list.replaceChildren(...notices.map((text) => element('li', {}, text)))
  list.hidden = notices.length === 0
}

/**
 * @param {readonly string[]} holds
 * @param {number} held
 */
function heldText(holds, held) {
  const what = holds.includes('all') ? 'all intakes' : holds.join(', ')
  return `Delivery to ${what} is held until somebody releases it: ${held} copies wait.`
}

/** @param {StatusView} status */
export function showProcesses({ processes, versions, service }) {
  const each = processes.map(({ pid, worker, startedAt }) => {
    const name = worker === 0 ? 'process' : `worker ${worker}, process`
    return `${name} ${pid} since ${dayOf(startedAt)}, ${timeOf(startedAt)}`
  })
  const { plugin, haraka, node } = versions
  byId('processes').textContent =
    `${service} · haraka-plugin-tdc ${plugin}, Haraka ${haraka}, Node ${node} · ${each.join('; ')}`
}
