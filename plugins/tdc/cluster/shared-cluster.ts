import { randomBytes } from 'node:crypto'
import { valueOf } from '../base/answer'
import type { MessagesSought } from '../base/sought'
import type { Clock } from '../clock'
import type { Report } from '../monitor/events'
import type { Sharing } from '../monitor/status'
import { mistakeIn } from '../monitor/mistake'
import { safeText } from '../base/text'
import { MachineNames } from '../settings/machine-names'
import type { ClusterSettings } from '../settings/settings'
import type { SettingsSource } from '../settings/source'
import { changed, parseKey, parsePair, reverted, type WantedValue } from './change'
import { clusterView, type ClusterView, findInCluster, type FoundInCluster } from './cluster-view'
import type { LastGood } from './last-good'
import { Link, redisStore, type Send, type StoredReports } from './redis-store'
import { MachineReports, type MachineReportsDeps } from './machine-report'
import { sectionFinder, sectionOf } from './overlay'
import type { SharedDocument } from './shared-document'
import { type ChangeAnswer, SharedSettings } from './shared-settings'

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

/** Who asks for a change. `spreads`: also if it turns off machines that it does not name. */
interface ByWhom {
  readonly user: string
  readonly spreads: boolean
}

interface AskedChange extends ByWhom {
  /** `cluster`, `group=NAME` or `machine=HOST`. */
  readonly level: string
  /** '': the values are the level's own. */
  readonly policy: string
  readonly values: readonly string[]
}

/** Milliseconds between two looks at Redis: a change is in force everywhere within two seconds. */
const LOOK_EVERY = 500
/** Milliseconds between two reports. */
const REPORT_EVERY = 3_000
const ID_OCTETS = 8

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
  start(known: Pick<MachineReportsDeps, 'gather' | 'recent'>): void {
    const { settings, report } = this.deps
    this.goOn(
      new MachineReports({ link: this.link, report, settings, instance: newId(), ...known }),
    )
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

  /** `KEY=VALUE` each. */
  set(asked: AskedChange): Promise<ChangeAnswer> {
    return this.change(asked, parsePair)
  }

  /** Keys: the values of tdc.ini hold again. */
  unset(asked: AskedChange): Promise<ChangeAnswer> {
    return this.change(asked, parseKey)
  }

  /** What was before a change, which is named by its number. */
  async revert({ change, user, spreads }: ByWhom & { change: string }): Promise<ChangeAnswer> {
    if (!/^\d{1,9}$/.test(change)) {
      throw new Error(`a change is named by its number, not ${JSON.stringify(change)}`)
    }
    const answer = await this.shared.change(user, spreads, (base, signed) =>
      reverted(base, Number(change), signed),
    )
    return valueOf(answer)
  }

  get history(): SharedHistory {
    const { revision, entries, changes } = this.shared.known
    return { revision, entries, changes, trouble: this.trouble?.why ?? null }
  }

  /** What is in the way between this machine and Redis; null: nothing. */
  get trouble(): Sharing | null {
    return this.shared.trouble
  }

  /** What all machines say of themselves. */
  async view(): Promise<ClusterView> {
    return clusterView(await this.reports())
  }

  async find(sought: MessagesSought): Promise<FoundInCluster> {
    return findInCluster(await this.reports(), sought)
  }

  private async turn(reports: MachineReports): Promise<void> {
    const { clock, settings } = this.deps
    if (!settings().redis) return this.link.rest()
    await this.shared.look()
    if (clock.monotonic() - this.reportedAt < REPORT_EVERY) return
    this.reportedAt = clock.monotonic()
    await reports.send()
  }

  private async change(
    { level, policy, values, user, spreads }: AskedChange,
    parse: (text: string) => WantedValue | string,
  ): Promise<ChangeAnswer> {
    const place = sectionOf(level, policy)
    if ('wrong' in place) throw new Error(place.wrong)
    const wanted: WantedValue[] = []
    for (const text of values) {
      const parsed = parse(text)
      if (typeof parsed === 'string') throw new Error(parsed)
      wanted.push(parsed)
    }
    const answer = await this.shared.change(user, spreads, (base, signed) => {
      const shared = base.entries.map((entry) => entry.section)
      const section = sectionFinder(this.deps.source(), shared)(place.section)
      return changed(
        base,
        wanted.map((each) => ({ section, ...each })),
        signed,
      )
    })
    const made = valueOf(answer)
    if (made.kind !== 'made') return made
    return { ...made, warnings: [...made.warnings, ...(await this.doubts(level))] }
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

  private async reports(): Promise<StoredReports> {
    const asked = await this.link.ask((store) => store.reports())
    if (asked.kind === 'away') throw new Error(`Redis cannot be reached (${asked.why})`)
    return asked.value
  }
}

function newId(): string {
  return randomBytes(ID_OCTETS).toString('hex')
}
