import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import type { Settings } from '../settings/settings'
import type { HarakaPlugin } from './types'

/** Descriptors that this process may have open at a time; undefined: the system does not say. */
export function descriptorLimit(): number | undefined {
  const found = /^Max open files\s+(\d+)/m.exec(procLimits())?.[1] ?? reportedLimit()
  const limit = Number(found)
  return Number.isSafeInteger(limit) && limit > 0 ? limit : undefined
}

/** Connections for so many descriptors: each may read a file too, and the others are regular mail's. */
export function connectionsFor(descriptors = FEW): number {
  return Math.max(LEAST, Math.floor(descriptors / 4))
}

/** What systems that say nothing have at the least. */
const FEW = 1_024

/** Even where there are hardly any. */
const LEAST = 3

function procLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

/** Where there is no /proc. */
function reportedLimit(): unknown {
  const report = process.report?.getReport() as
    { userLimits?: { open_files?: { soft?: unknown } } } | undefined
  return report?.userLimits?.open_files?.soft
}

/** The setting `nodes` of smtp.ini. */
function nodesOf(plugin: HarakaPlugin): unknown {
  const { cfg } = plugin.haraka_require('server') as { cfg?: { main?: { nodes?: unknown } } }
  return cfg?.main?.nodes
}

/** This process is not alone: workers take the mail. */
export function hasWorkers(plugin: HarakaPlugin): boolean {
  return Boolean(nodesOf(plugin))
}

/** How many processes of this server deliver: its workers, or it alone. */
export function deliveringProcesses(plugin: HarakaPlugin): number {
  const nodes = nodesOf(plugin)
  return Math.max(1, nodes === 'cpus' ? cpus().length : Number(nodes) || 1)
}

/** Connections of this process at a time: its part of the setting, or of its own descriptors. */
export function connectionShare(plugin: HarakaPlugin, total: number | undefined): number {
  if (total === undefined) return (byDescriptors ??= connectionsFor(descriptorLimit()))
  return Math.max(1, Math.floor(total / deliveringProcesses(plugin)))
}

/** Of this process, as of the first look: asking for it is not cheap. */
let byDescriptors: number | undefined

/** What several intakes and workers want at the least, and do not get of `most`; undefined: they do. */
export function connectionWarning(
  plugin: HarakaPlugin,
  { intakes, delivery: { minConnections: least } }: Settings,
  most: number,
): string | undefined {
  const processes = deliveringProcesses(plugin)
  const domains = new Set(intakes.map(({ domain }) => domain)).size
  if (domains * least <= most) return undefined
  return (
    `${domains} intake domains with min_connections=${least} in ${processes} ` +
    `${processes > 1 ? 'processes want' : 'process want'} ${domains * least * processes} connections, ` +
    `and ${most * processes} is what [delivery] max_connections_total or the descriptors allow: they take turns; ` +
    'raise the limit of open files (LimitNOFILE, ulimit -n)'
  )
}
