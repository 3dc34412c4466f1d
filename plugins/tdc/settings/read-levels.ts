import { hostName } from './kinds'
import { NAMED } from './keys'
import type { IntakeBook } from './intake'
import type { Group, Level, Shared } from './levels'
import { MachineNames } from './machine-names'
import { shown } from './problems'
import type { Problems } from './problems'
import { readSection } from './section'
import type { NamedSection, Sections } from './sections'
import type { SettingsSource } from './source'

export interface MachineLevels {
  readonly groups: readonly Group[]
  readonly machines: readonly Level[]
  /** This machine's name among them; undefined: tdc.ini does not name it. */
  readonly self: string | undefined
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
  const intake = intakes.read(section, values.intake_address)
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
  const intake = intakes.read(section, values.intake_address)
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
