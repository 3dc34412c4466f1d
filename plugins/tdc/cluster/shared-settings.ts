import type { Clock } from '../clock'
import { type Answer, no, ok } from '../base/answer'
import type { Report } from '../monitor/events'
import type { Sharing } from '../monitor/status'
import type { Machines } from '../settings/levels'
import { readSettings } from '../settings/read'
import type { ReadResult } from '../settings/settings'
import type { SettingsSource } from '../settings/source'
import type { ChangeResult, Signed } from './change'
import type { LastGood } from './last-good'
import type { Link, Store } from './redis-store'
import { type Change, compare, type SharedDocument, documentText } from './shared-document'
import { foreignValue, machineOf, overlay } from './overlay'

/** What a change is answered with. */
export type ChangeAnswer =
  | ({ readonly kind: 'made' } & Made)
  /** Not made yet: these machines would go off too, and nobody has said that they may. */
  | { readonly kind: 'would-spread'; readonly machines: readonly string[] }

interface Made {
  readonly change: Change
  /** What is in force on the machine that was asked. */
  readonly enabled: boolean
  readonly level: string
  readonly intake: string | null
  readonly warnings: readonly string[]
}

/** A change that is ready to be written. */
interface Prepared {
  readonly made: Made
  readonly document: SharedDocument
  readonly text: string
  /** Undefined: what was before it makes no settings here. */
  readonly before: Machines | undefined
  readonly machines: Machines
}

interface SharedSettingsDeps {
  readonly link: Link
  readonly lastGood: LastGood
  readonly clock: Clock
  readonly report: Report
  /** tdc.ini alone. */
  readonly source: () => SettingsSource
  /** For all processes of this machine. */
  readonly inForce: (document: SharedDocument) => void
  /** `user` on this machine. */
  readonly authorOf: (user: string) => string
  readonly newId: () => string
}

/** How it stands between this machine and Redis. */
type State = { readonly kind: 'fine' } | Sharing

/** Others that change at the same moment; then somebody else has to stop first. */
const MOST_TRIES = 5

/** Looks at which all is read, not only whether the head is another: a body may be damaged too. */
const WHOLE_EVERY = 60

/**
 * The settings that all machines share. This machine follows what is in Redis as long as that makes
 * settings; otherwise the last good ones stay in force. In the only process, or in the master.
 */
export class SharedSettings {
  private state: State = { kind: 'fine' }
  private head = ''
  private looks = 0

  constructor(
    private document: SharedDocument,
    private readonly deps: SharedSettingsDeps,
  ) {}

  get known(): SharedDocument {
    return this.document
  }

  /** What is in the way; null: Redis and this machine agree. */
  get trouble(): Sharing | null {
    return this.state.kind === 'fine' ? null : this.state
  }

  /** Has Redis something else? Never rejects. */
  async look(): Promise<void> {
    const asked = await this.deps.link.ask((store) => this.lookAt(store))
    this.become(asked.kind === 'ok' ? asked.value : { kind: 'away', why: asked.why })
  }

  /** Changes them everywhere, or says why not; `spreads`: also on machines that it does not name. */
  async change(
    user: string,
    spreads: boolean,
    make: (base: SharedDocument, signed: Signed) => ChangeResult,
  ): Promise<Answer<ChangeAnswer>> {
    const { link, clock, authorOf, newId } = this.deps
    const signed = { at: clock.wall(), author: authorOf(user), id: newId() }
    let isSent = false
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const asked = await link.ask(async (store) => {
        const written = await store.document()
        const prepared = this.prepare(written, (base) => make(base, signed))
        if (prepared.kind === 'no') return prepared
        const off = spreads ? [] : await this.offBeside(store, prepared.value)
        if (off.length > 0) return ok({ kind: 'would-spread', machines: off } as const)
        isSent = true
        return (await store.swap(written, prepared.value.text)) ? prepared : undefined
      })
      if (asked.kind === 'away') return no(awayText(asked.why, isSent))
      if (asked.value?.kind === 'no') return asked.value
      if (asked.value) {
        const { value } = asked.value
        if ('kind' in value) return ok(value)
        this.adopt(value.document)
        return ok({ kind: 'made', ...value.made })
      }
    }
    return no('others change the shared settings at the same time; try again')
  }

  private prepare(written: string, make: (base: SharedDocument) => ChangeResult): Answer<Prepared> {
    const found = compare(this.document, written)
    if (found.kind === 'nonsense') {
      const help = 'delete the key, and the last good ones are written back'
      return no(
        `Redis holds something else in place of the shared settings (${found.why}); ${help}`,
      )
    }
    const before = found.kind === 'newer' ? found.document : this.document
    const result = make(before)
    if (result.kind === 'no') return result
    const { document, change } = result
    const read = this.read(document)
    if (read.kind === 'refused') return no(`not changed: ${read.problems.join('; ')}`)
    const text = documentText(document)
    if (text === undefined) return no('the shared settings would become too long')
    const { enabled, level, intake } = read.settings.effective
    const { warnings } = read
    const made = { change, enabled, level, intake: intake?.address ?? null, warnings }
    const were = this.read(before)
    return ok({
      ...{ made, document, text, machines: read.settings.machines },
      before: were.kind === 'settings' ? were.settings.machines : undefined,
    })
  }

  /** Machines that a change turns off and does not name, among those that are known. */
  private async offBeside(store: Store, { made, before, machines }: Prepared): Promise<string[]> {
    const { values } = made.change
    const isMeant = values.every(({ section, key }) => !spreadsOf(section, key))
    if (isMeant || !before) return []
    const reported = (await store.reports()).reports.map(({ machine }) => machine)
    const named = new Set(
      values.flatMap(({ section }) => machines.canonical(machineOf(section) ?? '')),
    )
    const all = [...machines.named, ...reported].map((machine) => machines.canonical(machine))
    return [...new Set(all)]
      .filter((machine) => !named.has(machine))
      .filter((machine) => before.isEnabled(machine) && !machines.isEnabled(machine))
      .sort()
  }

  private async lookAt(store: Store): Promise<State> {
    const head = await store.head()
    const isDue = ++this.looks % WHOLE_EVERY === 0
    if (head === this.head && this.state.kind !== 'away' && !isDue) return this.state
    const state = await this.follow(store)
    this.head = head
    return state
  }

  private async follow(store: Store): Promise<State> {
    const written = await store.document()
    const found = compare(this.document, written)
    switch (found.kind) {
      case 'same':
        return { kind: 'fine' }
      case 'nonsense':
        return { kind: 'nonsense', why: found.why }
      case 'lost':
        return this.restore(store, written, found.why)
      case 'newer': {
        const read = this.read(found.document)
        if (read.kind === 'refused') {
          const why = `revision ${found.document.revision}: ${read.problems.join('; ')}`
          return { kind: 'refused', why }
        }
        this.adopt(found.document)
        return { kind: 'fine' }
      }
    }
  }

  private async restore(store: Store, written: string, why: string): Promise<State> {
    const text = documentText(this.document)
    // Whoever was first has restored the same, or more: the next look shows.
    if (text !== undefined && (await store.swap(written, text))) {
      const { revision } = this.document
      this.deps.report({ kind: 'shared-restored', revision, why })
    }
    return { kind: 'fine' }
  }

  private adopt(document: SharedDocument): void {
    const { lastGood, report, inForce } = this.deps
    // A look that began before a change of ours has ended may come with what was before it.
    if (document.id === this.document.id) return
    this.document = document
    const change = document.changes.at(-1)
    report({ kind: 'shared-changed', revision: document.revision, change })
    inForce(document)
    lastGood.write(document).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error)
      report({ kind: 'shared-not-stored', revision: document.revision, why })
    })
  }

  private read({ entries }: SharedDocument): ReadResult {
    const foreign = foreignValue(entries)
    if (foreign !== undefined) return { kind: 'refused', problems: [foreign] }
    return readSettings(overlay(this.deps.source(), entries))
  }

  private become(state: State): void {
    const before = this.state
    this.state = state
    const { revision } = this.document
    if (state.kind === 'fine') {
      if (before.kind !== 'fine') this.deps.report({ kind: 'shared-well', revision })
    } else if (
      state.kind !== before.kind ||
      (state.kind === 'refused' && before.why !== state.why)
    ) {
      this.deps.report({ kind: 'shared-trouble', trouble: state.kind, revision, why: state.why })
    }
  }
}

/** Changes of a machine, and of the rule itself, reach others; a level above is for all below it. */
function spreadsOf(section: string, key: string): boolean {
  return machineOf(section) !== undefined || key === 'machine_disable_spreads'
}

function awayText(why: string, isSent: boolean): string {
  return isSent
    ? `Redis did not answer (${why}): the change may have been made or not, see haraka-tdc history --settings`
    : `Redis cannot be reached (${why}): nothing is changed`
}
