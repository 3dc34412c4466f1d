import { RecentMap } from '../base/recent-map'
import type { Clock } from '../clock'
import { masked } from '../monitor/masked'
import type { MinuteFigures } from '../monitor/over-time'
import type { StatusPageSettings } from '../settings/settings'
import { json, type Routes, send, type Turn } from './http-answer'
import { csvFile } from './csv'
import { domainOf, type FailureGroup, failureGroups, groupOf, type LostOne } from './failures'
import { Shared } from './shared'

export interface PastDeps {
  /** The last 24 hours of one intake domain, or of all (''). */
  readonly day: (intake: string) => Promise<readonly MinuteFigures[]>
  /** Copies that were given up, the newest first. */
  readonly lost: () => Promise<readonly LostOne[]>
  readonly clock: Clock
}

/** What the page is told of copies that were given up. */
export interface LostView {
  /** Of these, and how many there are. */
  readonly copies: readonly LostOne[]
  readonly count: number
}

/** Milliseconds that serves all who ask what changes slowly and costs more. */
const RESTED_FOR = 5_000

/** Intakes whose day is kept so long. */
const MOST_DAYS = 10
const MOST_SHOWN = 50

/** The last 24 hours, and what was given up, for the page and for a spreadsheet. */
export class PastData {
  readonly routes: Routes = [
    ['/day', { method: 'GET', data: true, answer: (turn) => this.showDay(turn) }],
    ['/day.csv', { method: 'GET', answer: (turn) => this.dayAsCsv(turn) }],
    ['/failures', { method: 'GET', data: true, answer: (turn) => this.showFailures(turn) }],
    ['/failures.csv', { method: 'GET', answer: (turn) => this.failuresAsCsv(turn) }],
    ['/lost', { method: 'GET', data: true, answer: (turn) => this.showLost(turn) }],
    ['/lost.csv', { method: 'GET', answer: (turn) => this.lostAsCsv(turn) }],
  ]
  private readonly days = new RecentMap<string, Shared<readonly MinuteFigures[]>>(() => MOST_DAYS)
  private readonly lost: Shared<readonly LostOne[]>

  constructor(private readonly deps: PastDeps) {
    this.lost = new Shared(deps.lost, RESTED_FOR, () => deps.clock.monotonic())
  }

  private async showDay(turn: Turn): Promise<void> {
    send(turn.response, json(await this.dayOf(turn)))
  }

  private async dayAsCsv(turn: Turn): Promise<void> {
    const rows = (await this.dayOf(turn)).map(({ at, delivered, failed, depth }) => [
      ...[moment(at), delivered, failed, depth],
    ])
    const head = ['minute', 'delivered', 'failed', 'in_queue']
    send(turn.response, csvFile('day.csv', [head, ...rows]))
  }

  private dayOf({ query }: Turn): Promise<readonly MinuteFigures[]> {
    const { day, clock } = this.deps
    const intake = intakeIn(query)
    const known = this.days.get(intake)
    const shared =
      known ??
      new Shared(
        () => day(intake),
        RESTED_FOR,
        () => clock.monotonic(),
      )
    if (!known) this.days.set(intake, shared)
    return shared.value()
  }

  private async showFailures(turn: Turn): Promise<void> {
    send(turn.response, json(await this.groupsFor(turn)))
  }

  private async failuresAsCsv(turn: Turn): Promise<void> {
    const rows = (await this.groupsFor(turn)).map((group) => [
      ...[group.domain, group.reason, group.count, moment(group.first), moment(group.last)],
      ...[group.example, group.text],
    ])
    const head = ['intake', 'reason', 'copies', 'first', 'last', 'example_mid', 'example']
    send(turn.response, csvFile('failures.csv', [head, ...rows]))
  }

  private async showLost(turn: Turn): Promise<void> {
    const copies = await this.lostFor(turn)
    const view: LostView = { copies: copies.slice(0, MOST_SHOWN), count: copies.length }
    send(turn.response, json(view))
  }

  private async lostAsCsv(turn: Turn): Promise<void> {
    const rows = (await this.lostFor(turn)).map((copy) => [
      ...[moment(copy.at), copy.mid, copy.messageId, copy.intake, copy.reason, copy.text],
      ...[copy.attempts, copy.ageMs, copy.replayedAt === null ? '' : moment(copy.replayedAt)],
    ])
    const head = [
      ...['given_up', 'mid', 'message_id', 'intake', 'reason', 'text'],
      ...['attempts', 'age_ms', 'replayed'],
    ]
    send(turn.response, csvFile('lost.csv', [head, ...rows]))
  }

  private async groupsFor(turn: Turn): Promise<FailureGroup[]> {
    const groups = failureGroups(await this.chosen(turn))
    return groups.map((group) => ({ ...group, text: shown(group.text, turn.page) }))
  }

  private async lostFor(turn: Turn): Promise<LostOne[]> {
    const { page } = turn
    const copies = await this.chosen(turn)
    return copies.map((copy) => ({
      ...copy,
      intake: shown(copy.intake, page),
      text: shown(copy.text, page),
    }))
  }

  /** Of one intake or of one group, where the query names it. */
  private async chosen({ query }: Turn): Promise<readonly LostOne[]> {
    const [intake, group] = [intakeIn(query), query.get('group') ?? '']
    return (await this.lost.value()).filter(
      (copy) =>
        (intake === '' || domainOf(copy) === intake) && (group === '' || groupOf(copy) === group),
    )
  }
}

/** Its domain, which is what an intake's connections are told apart by. */
function intakeIn(query: URLSearchParams): string {
  const intake = (query.get('intake') ?? '').trim()
  return intake.slice(intake.lastIndexOf('@') + 1)
}

function shown(text: string, { showAddresses }: StatusPageSettings): string {
  return showAddresses ? text : masked(text)
}

function moment(at: number): string {
  return new Date(at).toISOString()
}
