import { byId, element, table } from './element.js'
import { dayOf, duration } from './format.js'

/** @import { StatusView, TlsView } from './types' */

/** Days before a certificate's end from which it is a matter of concern. */
const SOON = 14
const DAY = 86_400_000

/** @param {StatusView} status */
export function showConnections({ connections, takenAt }) {
  const rows = connections.map(({ dcid, domain, remote, state, since, messages, pid }) => [
    dcid === 0 ? '-' : String(dcid),
    domain,
    remote || '-',
    state,
    duration(takenAt - since),
    messages,
    String(pid),
  ])
  const headings = ['DCID', 'Intake', 'Address', 'State', 'Open for', 'Copies', 'Process']
  byId('connections').replaceChildren(
    rows.length > 0 ? table(headings, rows) : element('p', { class: 'note' }, 'None is open.'),
  )
}

/** @param {StatusView} status */
export function showTls({ tls, takenAt }) {
  const rows = tls.map((each) => [
    each.domain,
    listed(each.sessions),
    listed(each.satisfied),
    listed(each.results),
    certificateEnd(each, takenAt),
  ])
  const headings = ['Intake', 'Sessions', 'Satisfied', 'Failures', 'Certificate ends']
  byId('tls').replaceChildren(
    rows.length > 0
      ? table(headings, rows)
      : element('p', { class: 'note' }, 'Nothing was sent yet.'),
  )
}

/** @param {Readonly<Record<string, number>>} counts */
function listed(counts) {
  const lines = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => element('div', {}, `${name}: ${count.toLocaleString('en')}`))
  return lines.length > 0 ? element('div', {}, ...lines) : '-'
}

/**
 * @param {TlsView} tls
 * @param {number} now
 */
function certificateEnd({ certificateEnd }, now) {
  if (certificateEnd === null) return '-'
  const days = Math.floor((certificateEnd - now) / DAY)
  const text = `${dayOf(certificateEnd)} (${days < 0 ? 'over' : `${days} days`})`
  return days < SOON ? element('span', { class: 'down' }, text) : text
}
