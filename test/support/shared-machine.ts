import { join } from 'node:path'
import {
  changed,
  type ChangeResult,
  reverted,
  type Signed,
  type Wanted,
} from '../../plugins/tdc/cluster/change'
import { LastGood } from '../../plugins/tdc/cluster/last-good'
import { Link } from '../../plugins/tdc/cluster/redis-store'
import type { SharedDocument } from '../../plugins/tdc/cluster/shared-document'
import { type ChangeAnswer, SharedSettings } from '../../plugins/tdc/cluster/shared-settings'
import type { Answer } from '../../plugins/tdc/base/answer'
import type { TdcEvent } from '../../plugins/tdc/monitor/events'
import { linesOf } from '../../plugins/tdc/monitor/lines'
import { type Disk, systemDisk } from '../../plugins/tdc/queue/disk'
import type { Dice } from './dice'
import type { FakeClock } from './fake-clock'
import type { MemoryStore } from './memory-store'
import { sourceOf } from './settings-source'
import { makeTempDir } from './temp-dir'

export interface MachineOptions {
  readonly name: string
  readonly store: MemoryStore
  readonly clock: FakeClock
  readonly dice: Dice
  /** tdc.ini. */
  readonly ini?: string
  /** Where a machine kept its settings that ran before. */
  readonly folder?: string
  readonly disk?: Disk
}

/** One machine with shared settings, without Haraka around it. */
export class SharedMachine {
  readonly folder: string
  readonly events: TdcEvent[] = []
  /** What was put in force, the last one last. */
  readonly inForce: SharedDocument[] = []
  readonly shared: SharedSettings
  readonly lastGood: LastGood
  ini: string

  constructor(options: MachineOptions) {
    const { name, store, clock, dice, folder = makeTempDir('shared') } = options
    this.folder = folder
    this.ini = options.ini ?? '[main]\nintake_address=scan@in.example\n'
    this.lastGood = new LastGood(join(folder, 'kept', 'shared.json'), options.disk ?? systemDisk)
    const kept = this.lastGood.read()
    if (kept.kind !== 'document') throw new Error(kept.why)
    this.shared = new SharedSettings(kept.document, {
      link: new Link(() => Promise.resolve({ store, close: () => {} }), clock),
      lastGood: this.lastGood,
      clock,
      report: (event) => this.events.push(event),
      source: () => sourceOf(this.ini, { hostname: name }),
      inForce: (document) => this.inForce.push(document),
      authorOf: (user) => `${user}@${name}`,
      newId: () =>
        dice
          .below(2 ** 31)
          .toString(16)
          .padStart(8, '0'),
    })
  }

  /** `section key=value`; without `=` it is no longer shared. */
  set(...texts: readonly string[]): Promise<Answer<ChangeAnswer>> {
    return this.change((base, signed) => changed(base, texts.map(wanted), signed))
  }

  revert(number: number): Promise<Answer<ChangeAnswer>> {
    return this.change((base, signed) => reverted(base, number, signed))
  }

  /** As `set`, while nobody has said that others may go off too. */
  ask(...texts: readonly string[]): Promise<Answer<ChangeAnswer>> {
    return this.change((base, signed) => changed(base, texts.map(wanted), signed), false)
  }

  /** `section key=value` of all that is in force. */
  get values(): string[] {
    return this.shared.known.entries.map(({ section, key, value }) => `${section} ${key}=${value}`)
  }

  /** The log so far. */
  get log(): string[] {
    return this.events.flatMap((event) => linesOf(event, 'Service').map(({ text }) => text))
  }

  private change(
    make: (base: SharedDocument, signed: Signed) => ChangeResult,
    spreads = true,
  ): Promise<Answer<ChangeAnswer>> {
    return this.shared.change('alice', spreads, make)
  }
}

function wanted(text: string): Wanted {
  const [, section = '', key = '', value] = /^(\S+) (\w+)(?:=(.*))?$/.exec(text) ?? []
  return { section, key, value: value ?? null }
}
