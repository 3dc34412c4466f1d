import type { Clock } from '../clock'
import type { ClusterView, MachineView } from '../cluster/cluster-view'
import { type Answer, answerOf } from '../base/answer'
import { ANY } from '../base/sought'
import { MOST_LISTED } from '../control/asking'
import { WHOLE_QUEUE, withStates } from '../control/copies'
import type { Gathered } from '../control/gathered'
import type { AnswerTo } from '../control/requests'
import { health, type State } from '../monitor/health'
import { masked } from '../monitor/masked'
import type { Status } from '../monitor/status'
import type { StatusPageSettings } from '../settings/settings'
import { json, type Routes, send, sentence, type Turn } from './http-answer'
import { MessagesData, type MessagesDeps } from './message-views'
import { exposition, METRICS_TYPE } from './metrics'
import { PastData, type PastDeps } from './past'
import { Shared } from './shared'
import { type StatusView, statusView } from './status-view'
import { Watchers } from './watchers'

export interface DataDeps extends PastDeps, MessagesDeps {
  readonly settings: () => StatusPageSettings
  /** What all processes know together. */
  readonly gather: () => Promise<Status>
  /** This server's name (config/me), and that of its machine. */
  readonly host: () => StatusView['host']
  /** What all machines say of themselves; undefined: this server shares nothing. */
  readonly machines: () => Promise<Answer<ClusterView>> | undefined
  /** So many copies of all machines at the most; null: this server shares no queue. */
  readonly sharedQueue: (most: number) => Promise<Answer<AnswerTo<'shared-queue'>>>
  readonly clock: Clock
  /** Whether this request would be granted by these settings, now. */
  readonly isGranted: (turn: Pick<Turn, 'request' | 'page'>) => boolean
}

/** What the page knows, as all processes of this server answer it. */
export function pageAsks(
  gathered: Gathered,
  isShared: () => boolean,
): Pick<DataDeps, 'gather' | 'find' | 'day' | 'lost' | 'machines' | 'sharedQueue'> {
  return {
    gather: () => gathered.ask('status', {}),
    find: (wanted, intake, cameTo, most) =>
      gathered.ask('track', { ...ANY, wanted, intake, cameTo, sort: '', most }),
    day: (intake) => gathered.ask('day', { intake }),
    async lost() {
      const asked = { ...ANY, reason: '', sort: '', most: MOST_LISTED }
      return (await gathered.ask('history', asked)).copies
    },
    machines: () => (isShared() ? answerOf(() => gathered.ask('cluster-status', {})) : undefined),
    sharedQueue: (most) =>
      answerOf(async () => {
        const view = await gathered.ask('shared-queue', { most })
        return withStates(view, view ? (await gathered.ask('queue', WHOLE_QUEUE)).copies : [])
      }),
  }
}

/** Milliseconds that what was gathered serves all who ask. */
const FRESH_FOR = 900

/** Copies of the queue that machines share. */
const MOST_COPIES = 50

/** What the page asks for once it is there, and what programs ask for. */
export class PageData {
  readonly routes: Routes
  private readonly status: Shared<Status>
  private readonly machines: Shared<Answer<ClusterView> | undefined>
  private readonly sharedQueue: Shared<Answer<AnswerTo<'shared-queue'>>>
  private readonly watchers: Watchers

  constructor(private readonly deps: DataDeps) {
    const { gather, machines, sharedQueue, clock, settings } = deps
    const now = () => clock.monotonic()
    this.routes = [
      ['/status', { method: 'GET', data: true, answer: (turn) => this.showStatus(turn) }],
      ['/machines', { method: 'GET', data: true, answer: (turn) => this.showMachines(turn) }],
      [
        '/shared-queue',
        { method: 'GET', data: true, answer: (turn) => this.showSharedQueue(turn) },
      ],
      ['/events', { method: 'GET', data: true, answer: (turn) => this.watch(turn) }],
      ['/metrics', { method: 'GET', data: true, answer: (turn) => this.showMetrics(turn) }],
      ...new PastData(deps).routes,
      ...new MessagesData(deps).routes,
    ]
    this.status = new Shared(gather, FRESH_FOR, now)
    this.machines = new Shared(async () => machines(), FRESH_FOR, now)
    this.sharedQueue = new Shared(() => sharedQueue(MOST_COPIES), FRESH_FOR, now)
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

  private async showMachines({ response }: Turn): Promise<void> {
    const machines = await this.machines.value()
    if (machines?.kind === 'no') return send(response, REDIS_AWAY)
    send(response, json(machines ? machinesView(machines.value) : null))
  }

  private async showSharedQueue({ response, page: { showAddresses } }: Turn): Promise<void> {
    const view = await this.sharedQueue.value()
    if (view.kind === 'no') return send(response, REDIS_AWAY)
    const shown = (copy: { readonly intake: string }) =>
      showAddresses ? copy : { ...copy, intake: masked(copy.intake) }
    const { value } = view
    send(response, json(value && { ...value, copies: value.copies.map(shown) }))
  }

  /** Other settings, or the end of a session, end the events too. */
  private watch({ request, response, page: { path } }: Turn): void {
    this.watchers.add(response, () => {
      const page = this.deps.settings()
      return page.enabled && page.path === path && this.deps.isGranted({ request, page })
    })
  }

  private async showMetrics({ response }: Turn): Promise<void> {
    const body = await exposition(await this.status.value())
    send(response, { status: 200, type: METRICS_TYPE, body })
  }
}

const REDIS_AWAY = sentence(503, 'Redis cannot be reached; the log says why.')

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
