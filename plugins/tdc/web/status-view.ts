import { QUEUE_DOMAIN } from '../monitor/lines'
import {
  type DomainStatus,
  type ErrorNote,
  type LastFailure,
  QUEUE_AGES,
  type QueueFigures,
  type Reached,
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
  readonly reached: Reached
  readonly active: number
  /** null: connections are its domain's. */
  readonly connections: number | null
  readonly delivered: number
  readonly softBounced: number
  readonly hardBounced: number
  readonly oldestAge: number
  readonly lastSuccess: number | null
  readonly lastFailure: LastFailure | null
}

export interface TlsView extends TlsFigures {
  readonly domain: string
}

/** What the page has as it is; everything else that is known is masked, or left out. */
const AS_IT_IS = [
  ...(['service', 'versions', 'takenAt', 'processes', 'silent', 'enabled', 'level'] as const),
  ...(['intakeLevel', 'messages', 'prepared', 'deferred', 'held', 'holds'] as const),
  ...(['minutes', 'connections'] as const),
] as const

/** What the page is told: what is known, without what it must not show. */
export interface StatusView extends Pick<Status, (typeof AS_IT_IS)[number]> {
  readonly intake: string | null
  readonly problems: readonly string[]
  readonly rows: readonly RowView[]
  /** `below` in milliseconds; null: older than all. */
  readonly ages: readonly { readonly below: number | null; readonly copies: number }[]
  readonly tls: readonly TlsView[]
  readonly errors: readonly ErrorNote[]
}

type Shows = Pick<StatusPageSettings, 'showAddresses'>

export function statusView(status: Status, { showAddresses }: Shows): StatusView {
  const shown = showAddresses ? (text: string) => text : masked
  return {
    ...picked(status, AS_IT_IS),
    intake: status.intake && shown(status.intake),
    problems: status.problems.map(shown),
    rows: rowsOf(status, showAddresses).map((row) => ({
      ...row,
      lastFailure: row.lastFailure && { ...row.lastFailure, text: shown(row.lastFailure.text) },
    })),
    ages: status.ages.map((copies, at) => ({ below: QUEUE_AGES[at] ?? null, copies })),
    tls: Object.entries(status.domains).map(([domain, { tls }]) => ({ domain, ...tls })),
    errors: status.errors.map((error) => ({ ...error, text: shown(error.text) })),
  }
}

function picked<K extends keyof Status>(status: Status, names: readonly K[]): Pick<Status, K> {
  return Object.fromEntries(names.map((name) => [name, status[name]])) as Pick<Status, K>
}

function rowsOf(status: Status, showAddresses: boolean): RowView[] {
  const domains = Object.values(status.domains)
  const queue = row(QUEUE_DOMAIN, status.queue, reachedLast(domains), connectionsOf(domains))
  const below = byDomain(status).flatMap(({ domain, figures, delivery }) => {
    const reached = delivery?.lastAttempt ?? 'unknown'
    const own = row(domain, figures, reached, delivery ? connectionsOf([delivery]) : 0)
    return showAddresses ? [own, ...partsOf(status, domain, reached)] : [own]
  })
  return [queue, ...below]
}

function partsOf({ intakes }: Status, domain: string, reached: Reached): RowView[] {
  return Object.entries(intakes)
    .filter(([, intake]) => intake.domain === domain)
    .map(([address, figures]) => row(address, figures, reached, null))
}

function row(
  name: string,
  figures: QueueFigures,
  reached: Reached,
  connections: number | null,
): RowView {
  const { active, delivered, softBounced, hardBounced, oldestAge } = figures
  const { lastSuccess, lastFailure } = figures
  return {
    name,
    isPart: connections === null,
    reached,
    active,
    connections,
    delivered,
    softBounced,
    hardBounced,
    oldestAge,
    lastSuccess,
    lastFailure,
  }
}

/** Of all domains together: as of the last delivery attempt. */
function reachedLast(domains: readonly DomainStatus[]): Reached {
  const [last] = [...domains].sort((a, b) => (b.lastAttemptAt ?? 0) - (a.lastAttemptAt ?? 0))
  return last?.lastAttempt ?? 'unknown'
}

/** Those that are being opened are out, too. */
function connectionsOf(domains: readonly DomainStatus[]): number {
  return domains.reduce((sum, { connecting, idle, busy }) => sum + connecting + idle + busy, 0)
}
