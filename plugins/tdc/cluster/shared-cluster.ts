import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock'
import { type Answer, no, ok } from '../control/processes'
import type { Gathered } from '../control/gathered'
import type { ClusterRequest } from '../control/request'
import type { Report } from '../monitor/events'
import { mistakeIn } from '../monitor/mistake'
import { safeText } from '../base/text'
import { MachineNames } from '../settings/machine-names'
import type { ClusterSettings } from '../settings/settings'
import type { SettingsSource } from '../settings/source'
import { changed, parseKey, parsePair, reverted, type WantedValue } from './change'
import { clusterView, findInCluster } from './cluster-view'
import type { LastGood } from './last-good'
import { Link, redisStore, type Send, type StoredReports } from './redis-store'
import { MachineReports } from './machine-report'
import { sectionFinder, sectionOf } from './overlay'
import type { SharedDocument } from './shared-document'
import { SharedSettings } from './shared-settings'

interface SharedClusterDeps {
  readonly connect: () => Promise<{ readonly send: Send; close(): void }>
  readonly settings: () => ClusterSettings
  /** tdc.ini alone. */
  readonly source: () => SettingsSource
  readonly known: SharedDocument
  readonly inForce: (document: SharedDocument) => void
  readonly lastGood: LastGood
  readonly clock: Clock
  readonly report: Report
}

/** The shared settings as this machine has them, and how they came to be. */
export type SharedHistory = Pick<SharedDocument, 'revision' | 'entries' | 'changes'> & {
  /** Why Redis may have something else; null: it has not. */
  readonly trouble: string | null
}

type Ask<A extends ClusterRequest['ask']> = Extract<ClusterRequest, { ask: A }>

/** Milliseconds between two looks at Redis: a change is in force everywhere within two seconds. */
const LOOK_EVERY = 500
/** Milliseconds between two reports. */
const REPORT_EVERY = 3_000
const ID_OCTETS = 8

const NOT_SHARED =
  'this server shares nothing: set redis=true in [cluster] of config/tdc.ini, and the server in config/redis.ini'

/**
 * What this machine has in common with others, through Redis. In the only process, or in the master:
 * one connection for each machine, and no message ever waits for it.
 */
export class SharedCluster {
  private readonly link: Link
  private readonly shared: SharedSettings
  private reportedAt = -Infinity
  private over = false

  constructor(private readonly deps: SharedClusterDeps) {
    const { connect, settings, source, lastGood, inForce, clock, report } = deps
    this.link = new Link(async () => {
      const { send, close } = await connect()
      return { store: redisStore(send, () => settings().prefix), close }
    }, clock)
    this.shared = new SharedSettings(deps.known, {
      link: this.link,
      lastGood,
      clock,
      report,
      source,
      inForce,
      authorOf: (user) => `${safeText(user)}@${settings().machine}`,
      newId,
    })
  }

  get known(): SharedDocument {
    return this.shared.known
  }

  /** Until `close`; the settings say at each turn whether there is anything to do. */
  start(gathered: Gathered): void {
    const { settings, report } = this.deps
    const reports = new MachineReports({
      link: this.link,
      report,
      gather: () => gathered.status(),
      recent: () => gathered.recent(),
      settings,
      instance: newId(),
    })
    this.goOn(reports)
  }

  private goOn(reports: MachineReports): void {
    if (this.over) return
    const { clock, report } = this.deps
    this.turn(reports)
      .catch(mistakeIn('the cluster', report))
      .finally(() => clock.after(LOOK_EVERY, () => this.goOn(reports)))
  }

  close(): void {
    this.over = true
    this.link.close()
  }

  async answer(request: ClusterRequest): Promise<Answer> {
    if (!this.deps.settings().redis) return no(NOT_SHARED)
    switch (request.ask) {
      case 'shared-set':
        return this.set(request, parsePair)
      case 'shared-unset':
        return this.set(request, parseKey)
      case 'shared-history': {
        const { revision, entries, changes } = this.shared.known
        const trouble = this.shared.trouble?.why ?? null
        return ok<SharedHistory>({ revision, entries, changes, trouble })
      }
      case 'shared-trouble':
        return ok(this.shared.trouble)
      case 'shared-revert':
        return this.revert(request)
      case 'cluster-status':
        return this.fromReports(clusterView)
      case 'cluster-track':
        return this.fromReports((stored) => findInCluster(stored, request))
    }
  }

  private async turn(reports: MachineReports): Promise<void> {
    const { clock, settings } = this.deps
    if (!settings().redis) return this.link.rest()
    await this.shared.look()
    if (clock.monotonic() - this.reportedAt < REPORT_EVERY) return
    this.reportedAt = clock.monotonic()
    await reports.send()
  }

  private async set(
    { level, policy, values, user, spreads }: Ask<'shared-set' | 'shared-unset'>,
    parse: (text: string) => WantedValue | string,
  ): Promise<Answer> {
    const place = sectionOf(level, policy)
    if ('wrong' in place) return no(place.wrong)
    const wanted: WantedValue[] = []
    for (const text of values) {
      const parsed = parse(text)
      if (typeof parsed === 'string') return no(parsed)
      wanted.push(parsed)
    }
    const made = await this.shared.change(user, spreads, (base, signed) => {
      const shared = base.entries.map((entry) => entry.section)
      const section = sectionFinder(this.deps.source(), shared)(place.section)
      return changed(
        base,
        wanted.map((each) => ({ section, ...each })),
        signed,
      )
    })
    if (made.kind === 'no' || made.value.kind !== 'made') return made
    return ok({ ...made.value, warnings: [...made.value.warnings, ...(await this.doubts(level))] })
  }

  /** A misspelt machine that is disabled would disable the others: that is the spreading rule. */
  private async doubts(level: string): Promise<string[]> {
    const [kind, name = ''] = level.split('=', 2)
    if (kind !== 'machine') return []
    const asked = await this.link.ask((store) => store.reports())
    if (asked.kind === 'away') return []
    const machines = asked.value.reports.map(({ machine }) => machine)
    const names = new MachineNames([name, ...machines])
    const isKnown = machines.some((each) => names.canonical(each) === names.canonical(name))
    return isKnown ? [] : [`no machine has reported as ${safeText(name)}; is that its name?`]
  }

  private revert({ change, user, spreads }: Ask<'shared-revert'>): Promise<Answer> | Answer {
    if (!/^\d{1,9}$/.test(change)) {
      return no(`a change is named by its number, not ${JSON.stringify(change)}`)
    }
    return this.shared.change(user, spreads, (base, signed) =>
      reverted(base, Number(change), signed),
    )
  }

  private async fromReports<T>(made: (stored: StoredReports) => Promise<T>): Promise<Answer<T>> {
    const asked = await this.link.ask((store) => store.reports())
    if (asked.kind === 'away') return no(`Redis cannot be reached (${asked.why})`)
    return ok(await made(asked.value))
  }
}

function newId(): string {
  return randomBytes(ID_OCTETS).toString('hex')
}
