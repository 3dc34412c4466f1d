import type { Effective, Intake } from './settings'

/** Where a level has its values from: those that are true stand in the shared settings. */
export interface Shared {
  readonly enabled: boolean
  readonly intake: boolean
}

/** What a level says; undefined inherits from the level above. */
export interface Level {
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
export interface Levels {
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
