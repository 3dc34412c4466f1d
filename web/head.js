import { linkTo } from './address.js'
import { byId, element } from './element.js'
import { dayOf, duration, moment, timeOf, zoneOf } from './format.js'

/** @import { StatusView } from './types' */

/** Milliseconds that two clocks may differ without a word. */
const SAME = 5_000

/**
 * @param {StatusView} status
 * @param {string} domain of the intake that is shown; '': all
 */
export function showHead(
  { host, state, wrong, enabled, level, intake, intakeLevel, problems },
  domain,
) {
  const isOne = host.machine === host.name
  const name = isOne ? host.name : `${host.name} (machine ${host.machine})`
  byId('host').textContent = name
  const what = domain === '' ? host.name : `${domain} on ${host.name}`
  document.title = `${state}: ${what} - Threat Defense Connector`
  byId('state').textContent = state
  byId('state').dataset['state'] = state
  const pill = byId('enabled')
  pill.textContent = `${enabled ? 'Enabled' : 'Disabled'} (${level})`
  pill.dataset['on'] = String(enabled)
  byId('intake').textContent = intake === null ? '' : `to ${intake} (${intakeLevel})`

  // What is wrong with the intake that is shown stands in its own head.
  const here = wrong.filter((each) => domain === '' || each.domain !== domain)
  const list = byId('notices')
  list.replaceChildren(
    ...here.map(notice),
    // The first of the settings' problems stands among what is wrong.
    ...problems.slice(1).map((text) => element('li', {}, text)),
  )
  list.dataset['state'] = state
  list.hidden = list.childElementCount === 0
}

/** @param {StatusView['wrong'][number]} wrong */
export function notice({ domain, text, advice }) {
  const rest = domain === null ? text : text.slice(domain.length)
  const link = domain === null ? [] : [element('a', { href: linkTo({ intake: domain }) }, domain)]
  const what = advice === '' ? [] : [element('span', { class: 'advice' }, advice)]
  return element('li', {}, element('b', {}, ...link, rest), ...what)
}

/** @param {StatusView} status */
export function showTakenAt({ takenAt, utcOffset }) {
  byId('taken-at').replaceChildren(moment(takenAt))
  const own = -new Date(takenAt).getTimezoneOffset()
  const server = own === utcOffset ? '' : ` here, ${zoneOf(utcOffset)} in the server's log`
  byId('zone').textContent = `${zoneOf(own)}${server}`
  const ahead = Date.now() - takenAt
  byId('clocks').textContent =
    Math.abs(ahead) < SAME
      ? ''
      : `; this browser's clock is ${duration(Math.abs(ahead))} ${ahead > 0 ? 'ahead' : 'behind'}`
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
