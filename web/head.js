import { byId, element } from './element.js'
import { dayOf, timeOf } from './format.js'

/** @import { StatusView } from './types' */

/** @param {StatusView} status */
export function showHead({ host, state, wrong, enabled, level, intake, intakeLevel, problems }) {
  const isOne = host.machine === host.name
  byId('host').textContent = isOne ? host.name : `${host.name} (machine ${host.machine})`
  document.title = `${state}: ${host.name} - Threat Defense Connector`
  byId('state').textContent = state
  byId('state').dataset['state'] = state
  const pill = byId('enabled')
  pill.textContent = `${enabled ? 'Enabled' : 'Disabled'} (${level})`
  pill.dataset['on'] = String(enabled)
  byId('intake').textContent = intake === null ? '' : `to ${intake} (${intakeLevel})`

  // The first of the settings' problems stands among what is wrong.
  const notices = [...wrong, ...problems.slice(1)]
  const list = byId('notices')
  list.replaceChildren(...notices.map((text) => element('li', {}, text)))
  list.dataset['state'] = state
  list.hidden = notices.length === 0
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
