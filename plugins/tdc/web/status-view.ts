import {
  health,
  type Health,
  isFailing,
  type Notice,
  notices,
  noticesOf,
  type State,
} from '../monitor/health'
import { QUEUE_DOMAIN } from '../base/names'
import { COUNTED } from '../monitor/message-counts'
import {
  type DomainStatus,
  type ErrorNote,
  type LastFailure,
  QUEUE_AGES,
  type QueueFigures,
  type Status,
  type TlsFigures,
} from '../monitor/status'
import type { StatusPageSettings } from '../settings/settings'
import { byDomain } from './by-domain'
import { masked } from '../monitor/masked'

/** One line of the Delivery Status table. */
export interface RowView {
  /** the.tdc.queue, an intake's domain or, where they are shown, an intake's address. */
  readonly name: string
  /** Of the intake; '': the row is that of all. */
  readonly domain: string
  /** Part of the row before it: an address below its domain. */
  readonly isPart: boolean
  /** Its copies are being lost (monitor/health.ts). */
  readonly isFailing: boolean
  /** What is wrong with the domain. */
  readonly wrong: readonly Notice[]
  readonly active: number
  /** null: connections are its domain's. */
  readonly connections: number | null
  readonly delivered: number
  readonly softBounced: number
  readonly hardBounced: number
  readonly oldestAgeMs: number
  readonly lastSuccess: number | null
  readonly lastFailure: LastFailure | null
}

export interface TlsView extends TlsFigures {
  readonly domain: string
}

/** What the page has as it is; everything else that is known is masked, or left out. */
const AS_IT_IS = [
  ...(['service', 'versions', 'takenAt', 'processes', 'silent', 'enabled', 'level'] as const),
  ...(['intakeLevel', 'prepared', 'deferred', 'held', 'holds'] as const),
  ...(['minutes', 'connections'] as const),
] as const

/** What the page is told: what is known, without what it must not show. */
export interface StatusView extends Pick<Status, (typeof AS_IT_IS)[number]> {
  /** This server's name (config/me), and that of its machine. */
  readonly host: { readonly name: string; readonly machine: string }
  /** Minutes that the server's clock shows more than UTC: in its time zone are its log and haraka-tdc. */
  readonly utcOffset: number
  readonly state: State
  /** What is wrong, a line each. */
  readonly wrong: readonly Notice[]
  readonly intake: string | null
  readonly problems: readonly string[]
  readonly rows: readonly RowView[]
  readonly skipped: Status['messages']['skipped']
  readonly counted: readonly { readonly label: string; readonly count: number }[]
  /** `below` in milliseconds; null: older than all. */
  readonly ages: readonly { readonly below: number | null; readonly copies: number }[]
  readonly tls: readonly TlsView[]
  readonly errors: readonly ErrorNote[]
}

type Shows = Pick<StatusPageSettings, 'showAddresses'>

export function statusView(
  status: Status,
  { showAddresses }: Shows,
  host: StatusView['host'],
): StatusView {
  const shown = showAddresses ? (text: string) => text : masked
  const maskedNotice = (each: Notice) => ({ ...each, text: shown(each.text) })
  const judged = health(status)
  return {
    ...picked(status, AS_IT_IS),
    host,
    utcOffset: -new Date(status.takenAt).getTimezoneOffset(),
    state: judged.state,
    wrong: notices(judged).map(maskedNotice),
    intake: status.intake && shown(status.intake),
    problems: status.problems.map(shown),
    rows: rowsOf(status, judged, showAddresses).map((row) => ({
      ...row,
      wrong: row.wrong.map(maskedNotice),
      lastFailure: row.lastFailure && { ...row.lastFailure, text: shown(row.lastFailure.text) },
    })),
    skipped: status.messages.skipped,
    counted: COUNTED.map(([name, { label }]) => ({ label, count: status.messages[name] })),
    ages: status.ages.map((copies, at) => ({ below: QUEUE_AGES[at] ?? null, copies })),
    tls: Object.entries(status.domains).map(([domain, { tls }]) => ({ domain, ...tls })),
    errors: status.errors.map((error) => ({ ...error, text: shown(error.text) })),
  }
}

function picked<K extends keyof Status>(status: Status, names: readonly K[]): Pick<Status, K> {
  return Object.fromEntries(names.map((name) => [name, status[name]])) as Pick<Status, K>
}

function rowsOf(status: Status, judged: Health, showAddresses: boolean): RowView[] {
  const below = byDomain(status).flatMap(({ domain, figures, delivery }) => {
    const failing = isFailing(judged, domain)
    const own = row(domain, figures, failing, delivery ? connectionsOf([delivery]) : 0)
    const wrong = noticesOf(judged, domain)
    const parts = showAddresses ? partsOf(status, domain, failing) : []
    return [{ ...own, wrong }, ...parts].map((each) => ({ ...each, domain }))
  })
  const tried = Object.entries(status.domains).filter(([, each]) => each.lastAttempt !== 'unknown')
  const all = tried.length > 0 && tried.every(([domain]) => isFailing(judged, domain))
  const connections = connectionsOf(Object.values(status.domains))
  return [row(QUEUE_DOMAIN, status.queue, all, connections), ...below]
}

function partsOf({ intakes }: Status, domain: string, failing: boolean): RowView[] {
  return Object.entries(intakes)
    .filter(([, intake]) => intake.domain === domain)
    .map(([address, figures]) => row(address, figures, failing, null))
}

function row(
  name: string,
  figures: QueueFigures,
  failing: boolean,
  connections: number | null,
): RowView {
  const { active, delivered, softBounced, hardBounced, oldestAgeMs } = figures
  const { lastSuccess, lastFailure } = figures
  return {
    name,
    domain: '',
    isPart: connections === null,
    isFailing: failing,
    wrong: [],
    active,
    connections,
    delivered,
    softBounced,
    hardBounced,
    oldestAgeMs,
    lastSuccess,
    lastFailure,
  }
}

/** Those that are being opened are out, too. */
function connectionsOf(domains: readonly DomainStatus[]): number {
  return domains.reduce((sum, { connecting, idle, busy }) => sum + connecting + idle + busy, 0)
}
