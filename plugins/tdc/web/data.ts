import type { Clock } from '../clock'
import type { ClusterView } from '../cluster/cluster-view'
import type { Answer } from '../control/processes'
import type { Found } from '../control/gathered'
import type { Status } from '../monitor/status'
import type { StatusPageSettings } from '../settings/settings'
import { json, sentence, send } from './answer'
import { foundView } from './found-view'
import { METRICS_TYPE } from './metric'
import { machinesView } from './machines-view'
import { exposition } from './metrics'
import type { Routes, Turn } from './route'
import { Shared } from './shared'
import { statusView } from './status-view'
import { Watchers } from './watchers'

export interface DataDeps {
  readonly settings: () => StatusPageSettings
  /** What all processes know together. */
  readonly gather: () => Promise<Status>
  /** The messages that a MID, a Message-ID or an address stands for, of all processes. */
  readonly find: (wanted: string) => Promise<Found>
  /** What all machines say of themselves; undefined: this server shares nothing. */
  readonly machines: () => Promise<Answer<ClusterView>> | undefined
  readonly clock: Clock
  /** Whether this request would be granted by these settings, now. */
  readonly isGranted: (turn: Pick<Turn, 'request' | 'page'>) => boolean
}

/** Milliseconds that what was gathered serves all who ask. */
const FRESH_FOR = 900

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
    ['/track', { method: 'GET', data: true, answer: (turn) => this.search(turn) }],
    ['/metrics', { method: 'GET', data: true, answer: (turn) => this.showMetrics(turn) }],
  ]
  private readonly status: Shared<Status>
  private readonly machines: Shared<Answer<ClusterView> | undefined>
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
    this.watchers = new Watchers(
      async () => JSON.stringify(statusView(await this.status.value(), settings())),
      clock,
    )
  }

  close(): void {
    this.watchers.close()
  }

  private async showStatus({ response, page }: Turn): Promise<void> {
    send(response, json(statusView(await this.status.value(), page)))
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
    if (wanted === '') return send(response, sentence(400, 'Nothing to search for: q is missing.'))
    if (wanted.length > LONGEST_SEARCH) {
      const text = `q has ${wanted.length} characters; ${LONGEST_SEARCH} are the most.`
      return send(response, sentence(400, text))
    }
    if (this.searches >= MOST_SEARCHES) {
      const text = `${MOST_SEARCHES} searches are running already.`
      return send(response, sentence(503, text, { 'Retry-After': '1' }))
    }
    this.searches++
    try {
      send(response, json(foundView(await this.deps.find(wanted), page)))
    } finally {
      this.searches--
    }
  }

  private async showMetrics({ response }: Turn): Promise<void> {
    const status = await this.status.value()
    if (status.silent.length > 0) {
      // Sums that lack a worker would look like counters that began anew.
      const text = `${status.silent.length} worker(s) did not answer in time.`
      return send(response, sentence(503, text))
    }
    send(response, { status: 200, type: METRICS_TYPE, body: await exposition(status) })
  }
}
