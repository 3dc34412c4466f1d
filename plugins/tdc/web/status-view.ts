import { health, type Health, healthLines, isFailing, type State } from '../monitor/health'
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
  /** Part of the row before it: an address below its domain. */
  readonly isPart: boolean
  /** Its copies are being lost (monitor/health.ts). */
  readonly isFailing: boolean
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
  readonly state: State
  /** What is wrong, a line each. */
  readonly wrong: readonly string[]
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
  const judged = health(status)
  return {
    ...picked(status, AS_IT_IS),
    host,
    state: judged.state,
    wrong: healthLines(judged).map(shown),
    intake: status.intake && shown(status.intake),
    problems: status.problems.map(shown),
    rows: rowsOf(status, judged, showAddresses).map((row) => ({
      ...row,
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
    return showAddresses ? [own, ...partsOf(status, domain, failing)] : [own]
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
    isPart: connections === null,
    isFailing: failing,
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
