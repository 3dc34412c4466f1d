import { linkTo } from './address.js'
import { byId, element } from './element.js'
import { counted, duration, moment } from './format.js'
import { notice } from './head.js'
import { failureOf } from './intakes.js'

/** @import { StatusView } from './types' */

/**
 * The head of one intake's view: how it is, why, and what an operator asks first.
 *
 * @param {Pick<StatusView, 'rows'>} status of this intake alone
 * @param {string} domain '': of none
 */
export function showIntake({ rows }, domain) {
  if (domain === '') return
  const own = rows.find(({ isPart }) => !isPart)
  const state = own?.isFailing ? 'failing' : own && own.wrong.length > 0 ? 'warning' : 'ok'
  byId('intake-heading').textContent = domain
  byId('crumb').textContent = domain
  const pill = byId('intake-state')
  pill.hidden = own === undefined
  pill.textContent = state
  pill.dataset['state'] = state
  byId('intake-wrong').replaceChildren(
    ...(own?.wrong ?? []).map((each) =>
      notice({ ...each, domain: null, text: each.text.slice(domain.length) }),
    ),
  )
  byId('intake-facts').replaceChildren(...(own ? facts(own) : [nothing]))
}

const nothing = element('p', {}, 'Nothing went there since the start.')

/** @param {StatusView['rows'][number]} row */
function facts({ domain, active, oldestAgeMs, connections, lastSuccess, lastFailure }) {
  const depth = counted(active)
  const link = element('a', { href: linkTo({ intake: domain, count: 'active' }) }, depth)
  const rows = [
    ['In the queue', active > 0 ? link : depth],
    ['The oldest waits for', oldestAgeMs > 0 ? duration(oldestAgeMs) : '-'],
    ['Connections', counted(connections ?? 0)],
    ['Last delivered', lastSuccess === null ? 'nothing yet' : moment(lastSuccess)],
    ['Last failure', lastFailure === null ? 'none' : failureOf(lastFailure)],
  ]
  return rows.map(([name = '', value = '']) =>
    element('div', {}, element('dt', {}, name), element('dd', {}, value)),
  )
}
