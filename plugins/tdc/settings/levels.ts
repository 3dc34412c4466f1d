import type { IntakeBook } from './intake'
import { NAMED } from './keys'
import { hostName } from './kinds'
import { MachineNames } from './machine-names'
import { type Problems, shown } from './problems'
import { type NamedSection, readSection, type Sections } from './section'
import type { Effective, Intake } from './settings'
import type { SettingsSource } from './source'

/** Where a level has its values from: those that are true stand in the shared settings. */
interface Shared {
  readonly enabled: boolean
  readonly intake: boolean
}

/** What a level says; undefined inherits from the level above. */
interface Level {
  readonly name: string
  readonly shared: Shared
  readonly enabled: boolean | undefined
  readonly intake: Intake | undefined
}

export interface Group extends Level {
  /** Canonical machine names; a machine is in one group at most. */
  readonly machines: ReadonlySet<string>
}

/** The three levels of spec 2. Machines bear their canonical names. */
interface Levels {
  readonly cluster: {
    readonly enabled: boolean
    readonly intake: Intake | undefined
    readonly shared: Shared
  }
  readonly groups: readonly Group[]
  readonly machines: readonly Level[]
  readonly machineDisableSpreads: boolean
}

/** A value, and the level that it comes from. */
interface Decided<T> {
  readonly value: T
  readonly level: string
}

/** What the levels say of any machine, also of one that they do not name. */
export class Machines {
  readonly #levels: Levels
  readonly #names: MachineNames

  constructor(levels: Levels, names: MachineNames) {
    this.#levels = levels
    this.#names = names
  }

  /** Those that the levels name. */
  get named(): string[] {
    const { groups, machines } = this.#levels
    return [...machines.map(({ name }) => name), ...groups.flatMap((group) => [...group.machines])]
  }

  /** The one name of a machine, however it is written. */
  canonical(machine: string): string {
    const self = this.#names.self(machine, '')
    return self.kind === 'machine' ? self.name : this.#names.canonical(machine)
  }

  isEnabled(machine: string): boolean {
    return resolveLevels(this.#levels, this.canonical(machine)).enabled
  }
}

/** What holds on one machine (spec 2): its own value, its group's, the cluster's. */
export function resolveLevels(levels: Levels, machine: string | undefined): Effective {
  const own = levels.machines.find(({ name }) => name === machine)
  const group = levels.groups.find(({ machines }) => machine !== undefined && machines.has(machine))
  const enabled = resolveEnabled(levels, own, group)
  const intake = resolveIntake(levels, own, group)
  return {
    enabled: enabled.value,
    level: enabled.level,
    intake: intake?.value,
    intakeLevel: intake?.level,
  }
}

function resolveEnabled(
  levels: Levels,
  own: Level | undefined,
  group: Group | undefined,
): Decided<boolean> {
  if (own?.enabled !== undefined) {
    return { value: own.enabled, level: told(`machine=${own.name}`, own.shared.enabled) }
  }
  if (group?.enabled !== undefined) {
    const members = levels.machines.filter(({ name }) => group.machines.has(name))
    const level = told(`group=${group.name}`, group.shared.enabled)
    return spread(levels, members, { value: group.enabled, level })
  }
  const { enabled, shared } = levels.cluster
  return spread(levels, levels.machines, { value: enabled, level: told('cluster', shared.enabled) })
}

/** Disabling a machine disables its group and the cluster for all that inherit from them (spec 2). */
function spread(
  levels: Levels,
  below: readonly Level[],
  inherited: Decided<boolean>,
): Decided<boolean> {
  if (!inherited.value || !levels.machineDisableSpreads) return inherited
  const disabled = below.find(({ enabled }) => enabled === false)
  if (!disabled) return inherited
  const level = told(`disabled by machine=${disabled.name}`, disabled.shared.enabled)
  return { value: false, level }
}

/** The most specific level that names an intake; the spreading has no part in it. */
function resolveIntake(
  levels: Levels,
  own: Level | undefined,
  group: Group | undefined,
): Decided<Intake> | undefined {
  if (own?.intake) {
    return { value: own.intake, level: told(`machine=${own.name}`, own.shared.intake) }
  }
  if (group?.intake) {
    return { value: group.intake, level: told(`group=${group.name}`, group.shared.intake) }
  }
  const { intake, shared } = levels.cluster
  return intake && { value: intake, level: told('cluster', shared.intake) }
}

function told(level: string, isShared: boolean): string {
  return isShared ? `${level} (shared settings)` : level
}

interface MachineLevels {
  readonly groups: readonly Group[]
  readonly machines: readonly Level[]
  /** This machine's name among them; undefined: tdc.ini does not name it. */
  readonly self: string | undefined
  readonly names: MachineNames
}

/** A level under the name that the file gives it, its machines not yet brought to one name each. */
interface Written extends Level {
  readonly section: string
  readonly members: readonly string[]
}

/** `[group.*]` and `[machine.*]`: every machine is known by one name and is in one group at most. */
export function readLevels(
  source: Pick<SettingsSource, 'hostname' | 'me' | 'isShared'>,
  sections: Sections,
  intakes: IntakeBook,
  problems: Problems,
): MachineLevels {
  const sharedOf = (section: string) => sharedIn(section, source)
  const groups = sections
    .named('group')
    .map((found) => ({ ...readGroup(found, intakes, problems), shared: sharedOf(found.section) }))
  const machines = sections
    .named('machine')
    .map((found) => ({ ...readMachine(found, intakes, problems), shared: sharedOf(found.section) }))
  const written = [...machines.map(({ name }) => name), ...groups.flatMap(({ members }) => members)]
  const names = new MachineNames(written)

  refuseAmbiguous(written, names, problems)
  refuseSameMachine(machines, names, problems)
  refuseTwoGroups(groups, names, problems)
  return {
    groups: groups.map((group) => ({
      ...group,
      machines: new Set(group.members.map((member) => names.canonical(member))),
    })),
    machines: machines.map((machine) => ({ ...machine, name: names.canonical(machine.name) })),
    self: readSelf(source, names, problems),
    names,
  }
}

/** Which values of a level the shared settings said. */
export function sharedIn(section: string, { isShared }: Pick<SettingsSource, 'isShared'>): Shared {
  return {
    enabled: isShared?.(section, 'enabled') ?? false,
    intake: isShared?.(section, 'intake_address') ?? false,
  }
}

function readGroup(
  found: NamedSection,
  intakes: IntakeBook,
  problems: Problems,
): Omit<Written, 'shared'> {
  const { section, name, raw } = found
  const values = readSection(section, raw, NAMED.group, problems)
  const members = (values.machines ?? []).filter((member) => {
    const known = isHostName(member)
    if (!known) problems.refuse({ section, key: 'machines', value: member }, hostName.must)
    return known
  })
  if (values.machines === undefined && !problems.isRefused({ section, key: 'machines' })) {
    problems.refuse({ section, key: 'machines' }, 'is missing: the group has no machine')
  }
  const intake = intakes.read(section, values.intakeAddress)
  return { section, name, enabled: values.enabled, intake, members }
}

function readMachine(
  found: NamedSection,
  intakes: IntakeBook,
  problems: Problems,
): Omit<Written, 'shared'> {
  const { section, name, raw } = found
  const values = readSection(section, raw, NAMED.machine, problems)
  if (!isHostName(name)) problems.refuse({ section }, `the machine's name ${hostName.must}`)
  const intake = intakes.read(section, values.intakeAddress)
  return { section, name, enabled: values.enabled, intake, members: [] }
}

function isHostName(name: string): boolean {
  return hostName.read([name]) !== undefined
}

function refuseAmbiguous(
  written: readonly string[],
  names: MachineNames,
  problems: Problems,
): void {
  for (const name of new Set(written)) {
    const full = names.fullNames(name)
    if (full.length < 2) continue
    problems.refuse(
      { section: 'machine.*' },
      `${shown(name)} may be ${shown(full.join(' or '))}; the full name must be written`,
    )
  }
}

function refuseSameMachine(
  machines: readonly Written[],
  names: MachineNames,
  problems: Problems,
): void {
  const seen = new Map<string, string>()
  for (const { section, name } of machines) {
    const other = seen.get(names.canonical(name))
    if (other === undefined) seen.set(names.canonical(name), section)
    else problems.refuse({ section }, `is the same machine as [${shown(other)}]`)
  }
}

function refuseTwoGroups(
  groups: readonly Written[],
  names: MachineNames,
  problems: Problems,
): void {
  const seen = new Map<string, string>()
  for (const { section, members } of groups) {
    for (const member of new Set(members.map((name) => names.canonical(name)))) {
      const other = seen.get(member)
      if (other === undefined) seen.set(member, section)
      else {
        problems.refuse(
          { section, key: 'machines', value: member },
          `is in [${shown(other)}] too; a machine must be in one group`,
        )
      }
    }
  }
}

function readSelf(
  { hostname, me }: Pick<SettingsSource, 'hostname' | 'me'>,
  names: MachineNames,
  problems: Problems,
): string | undefined {
  const self = names.self(hostname, me)
  switch (self.kind) {
    case 'machine':
      return self.name
    case 'none':
      return undefined
    case 'ambiguous':
      problems.refuse(
        { section: 'machine.*' },
        `this machine calls itself ${shown(self.name)}, which may be ${shown(self.candidates.join(' or '))}; its hostname or config/me must be the full name`,
      )
      return undefined
  }
}
