import type { Clock } from '../clock'
import type { ClusterView, MachineView } from '../cluster/cluster-view'
import type { Found } from '../control/gathered'
import type { Answer } from '../control/processes'
import { health, type State } from '../monitor/health'
import { masked, messageWithoutAddresses } from '../monitor/masked'
import type { MinuteFigures } from '../monitor/over-time'
import type { Status } from '../monitor/status'
import type { TrackedMessage } from '../monitor/tracked'
import type { StatusPageSettings } from '../settings/settings'
import { json, type Routes, send, sentence, type Turn } from './answer'
import { csv, type FailureGroup, failureGroups, type LostOne } from './failures'
import { exposition, METRICS_TYPE } from './metrics'
import { type StatusView, statusView } from './status-view'
import { Watchers } from './watchers'

export interface DataDeps {
  readonly settings: () => StatusPageSettings
  /** What all processes know together. */
  readonly gather: () => Promise<Status>
  /** The messages that a MID, a Message-ID or an address stands for, of all processes. */
  readonly find: (wanted: string, intake: string, most?: number) => Promise<Found>
  /** The last 24 hours. */
  readonly day: () => Promise<readonly MinuteFigures[]>
  /** Copies that were given up. */
  readonly lost: () => Promise<readonly LostOne[]>
  /** This server's name (config/me), and that of its machine. */
  readonly host: () => StatusView['host']
  /** What all machines say of themselves; undefined: this server shares nothing. */
  readonly machines: () => Promise<Answer<ClusterView>> | undefined
  readonly clock: Clock
  /** Whether this request would be granted by these settings, now. */
  readonly isGranted: (turn: Pick<Turn, 'request' | 'page'>) => boolean
}

/** Milliseconds that what was gathered serves all who ask. */
const FRESH_FOR = 900

/** The same for what changes slowly and costs more. */
const RESTED_FOR = 5_000

/** Messages of an intake that are looked at, and those that are shown. */
const MOST_OF_INTAKE = 500
const MOST_SHOWN = 50

/** Steps that a count of the table stands for. */
const COUNTS: Readonly<Record<string, readonly string[]>> = {
  delivered: ['delivered'],
  softBounced: ['deferred'],
  hardBounced: ['hard-bounced', 'tls-error', 'expired'],
}

/** Characters of a search: the longest Message-ID that a line can hold (RFC 5322 section 2.1.1). */
const LONGEST_SEARCH = 998

/** Searches at a time; each asks all processes. */
const MOST_SEARCHES = 4

/** What the page asks for once it is there, and what programs ask for. */
export class PageData {
  readonly routes: Routes = [
    ['/status', { method: 'GET', data: true, answer: (turn) => this.showStatus(turn) }],
    ['/machines', { method: 'GET', data: true, answer: (turn) => this.showMachines(turn) }],
    ['/events', { method: 'GET', data: true, answer: (turn) => this.watch(turn) }],
    ['/day', { method: 'GET', data: true, answer: (turn) => this.showDay(turn) }],
    ['/day.csv', { method: 'GET', answer: (turn) => this.dayAsCsv(turn) }],
    ['/failures', { method: 'GET', data: true, answer: (turn) => this.showFailures(turn) }],
    ['/failures.csv', { method: 'GET', answer: (turn) => this.failuresAsCsv(turn) }],
    ['/track', { method: 'GET', data: true, answer: (turn) => this.search(turn) }],
    ['/metrics', { method: 'GET', data: true, answer: (turn) => this.showMetrics(turn) }],
  ]
  private readonly status: Shared<Status>
  private readonly machines: Shared<Answer<ClusterView> | undefined>
  private readonly day: Shared<readonly MinuteFigures[]>
  private readonly failures: Shared<FailureGroup[]>
  private readonly watchers: Watchers
  private searches = 0

  constructor(private readonly deps: DataDeps) {
    const { gather, machines, clock, settings } = deps
    this.status = new Shared(gather, FRESH_FOR, () => clock.monotonic())
    this.machines = new Shared(
      async () => machines(),
      FRESH_FOR,
      () => clock.monotonic(),
    )
    const now = () => clock.monotonic()
    this.day = new Shared(deps.day, RESTED_FOR, now)
    this.failures = new Shared(async () => failureGroups(await deps.lost()), RESTED_FOR, now)
    this.watchers = new Watchers(async () => JSON.stringify(await this.view(settings())), clock)
  }

  close(): void {
    this.watchers.close()
  }

  private async showStatus({ response, page }: Turn): Promise<void> {
    send(response, json(await this.view(page)))
  }

  private async view(page: Pick<StatusPageSettings, 'showAddresses'>): Promise<StatusView> {
    return statusView(await this.status.value(), page, this.deps.host())
  }

  private async showDay({ response }: Turn): Promise<void> {
    send(response, json(await this.day.value()))
  }

  private async dayAsCsv({ response }: Turn): Promise<void> {
    const rows = (await this.day.value()).map(({ at, delivered, failed, depth }) => [
      ...[new Date(at).toISOString(), delivered, failed, depth],
    ])
    send(response, csvFile('day.csv', [['minute', 'delivered', 'failed', 'in_queue'], ...rows]))
  }

  private async showFailures({ response, page }: Turn): Promise<void> {
    send(response, json(await this.failuresFor(page)))
  }

  private async failuresAsCsv({ response, page }: Turn): Promise<void> {
    const moment = (at: number) => new Date(at).toISOString()
    const rows = (await this.failuresFor(page)).map((group) => [
      ...[group.domain, group.reason, group.count, moment(group.first), moment(group.last)],
      ...[group.example, group.text],
    ])
    const head = ['intake', 'reason', 'copies', 'first', 'last', 'example_mid', 'example']
    send(response, csvFile('failures.csv', [head, ...rows]))
  }

  private async failuresFor({ showAddresses }: StatusPageSettings): Promise<FailureGroup[]> {
    const groups = await this.failures.value()
    return showAddresses ? groups : groups.map((each) => ({ ...each, text: masked(each.text) }))
  }

  private async showMachines({ response }: Turn): Promise<void> {
    const machines = await this.machines.value()
    if (machines?.kind === 'no') {
      return send(response, sentence(503, 'Redis cannot be reached; the log says why.'))
    }
    send(response, json(machines ? machinesView(machines.value) : null))
  }

  /** Other settings, or the end of a session, end the events too. */
  private watch({ request, response, page: { path } }: Turn): void {
    this.watchers.add(response, () => {
      const page = this.deps.settings()
      return page.enabled && page.path === path && this.deps.isGranted({ request, page })
    })
  }

  private async search({ response, query, page }: Turn): Promise<void> {
    const wanted = (query.get('q') ?? '').trim()
    const [intake, kinds] = [(query.get('intake') ?? '').trim(), kindsIn(query)]
    if (wanted === '' && intake === '')
      return send(response, sentence(400, 'Nothing to search for: q is missing.'))
    const longest = Math.max(wanted.length, intake.length)
    if (longest > LONGEST_SEARCH) {
      const text = `q has ${longest} characters; ${LONGEST_SEARCH} are the most.`
      return send(response, sentence(400, text))
    }
    if (this.searches >= MOST_SEARCHES) {
      const text = `${MOST_SEARCHES} searches are running already.`
      return send(response, sentence(503, text, { 'Retry-After': '1' }))
    }
    this.searches++
    try {
      const { messages, silent } = await this.deps.find(
        wanted,
        intake,
        intake === '' ? undefined : MOST_OF_INTAKE,
      )
      const meant = messages.filter(({ steps }) => kinds === undefined || ended(steps, kinds))
      send(response, json(foundView({ messages: meant.slice(0, MOST_SHOWN), silent }, page)))
    } finally {
      this.searches--
    }
  }

  private async showMetrics({ response }: Turn): Promise<void> {
    const body = await exposition(await this.status.value())
    send(response, { status: 200, type: METRICS_TYPE, body })
  }
}

/** Undefined: any message, whatever became of it. */
function kindsIn(query: URLSearchParams): readonly string[] | undefined {
  const count = query.get('count') ?? ''
  return Object.hasOwn(COUNTS, count) ? COUNTS[count] : undefined
}

function ended(steps: TrackedMessage['steps'], kinds: readonly string[]): boolean {
  return steps.some(({ kind }) => kinds.includes(kind))
}

function csvFile(name: string, rows: Parameters<typeof csv>[0]): Parameters<typeof send>[1] {
  const headers = { 'Content-Disposition': `attachment; filename="haraka-tdc-${name}"` }
  return { status: 200, type: 'text/csv; charset=utf-8', body: csv(rows), headers }
}

/** The same without addresses, unless they are shown; the Message-ID tells which message it is. */
function foundView(
  { messages, silent }: Found,
  { showAddresses }: Pick<StatusPageSettings, 'showAddresses'>,
): Found {
  return { messages: showAddresses ? messages : messages.map(messageWithoutAddresses), silent }
}

/** One machine of those that share their figures, as of its last report. */
export interface MachineRow {
  readonly machine: string
  readonly at: number
  readonly isSilent: boolean
  /** null: its last report is too long ago, or cannot be read. */
  readonly figures: {
    readonly enabled: boolean
    readonly level: string
    readonly state: State
    readonly active: number
    readonly delivered: number
    readonly softBounced: number
    readonly hardBounced: number
  } | null
}

/** What the page is told of other machines: no addresses. */
export interface MachinesView {
  readonly takenAt: number
  readonly machines: readonly MachineRow[]
}

function machinesView({ takenAt, machines }: ClusterView): MachinesView {
  return { takenAt, machines: machines.map(rowOf) }
}

function rowOf({ machine, at, isSilent, status }: MachineView): MachineRow {
  if (!status) return { machine, at, isSilent, figures: null }
  const { enabled, level, queue } = status
  const { active, delivered, softBounced, hardBounced } = queue
  const { state } = health(status)
  const figures = { enabled, level, state, active, delivered, softBounced, hardBounced }
  return { machine, at, isSilent, figures }
}

/** Work whose result all share who ask for it meanwhile, or up to `freshFor` milliseconds after. */
class Shared<T> {
  private running: Promise<T> | undefined
  private kept: { readonly value: T; readonly at: number } | undefined

  constructor(
    private readonly work: () => Promise<T>,
    private readonly freshFor: number,
    private readonly now: () => number,
  ) {}

  value(): Promise<T> {
    if (this.kept && this.now() - this.kept.at < this.freshFor) {
      return Promise.resolve(this.kept.value)
    }
    this.running ??= this.work()
      .then((value) => {
        this.kept = { value, at: this.now() }
        return value
      })
      .finally(() => {
        this.running = undefined
      })
    return this.running
  }
}
