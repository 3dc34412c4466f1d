import type { HarakaPlugin, LoadedItem } from './types'

/** File-name parts as Haraka's outbound/qfile.js takes and gives them. */
interface QueueFileParts {
  arrival: number
  next_attempt: number
  attempts: number
  pid: number
  uid: string
  host: string
}

/** haraka.outbound as far as it is used. Undocumented, so contract.ts checks each member. */
export interface Outbound {
  stats(): { queue_dir: string }
  build_todo(todo: object, sink: { write(header: Buffer): boolean }, then: () => void): void
  readonly qfile: {
    name(parts?: Partial<QueueFileParts>): string
    parts(filename: string): QueueFileParts | null
    readonly platformDOT: string
  }
  readonly TODOItem: new (domain: string, recipients: object[], transaction: object) => object
  readonly HMailItem: new (filename: string, path: string) => DeliverableItem
}

/** An item that can tell other plugins' `delivered` hooks that it went out. */
export interface DeliverableItem extends LoadedItem {
  once(event: 'ready' | 'error', listener: () => void): void
  temp_fail(why: string): void
  delivered(
    ip: string,
    port: number,
    mode: string,
    host: string,
    response: string,
    ok: object[],
    failed: object[],
    bounced: object[],
    secured: boolean,
    authenticated: boolean,
  ): void
}

export interface RegisteredHook {
  readonly plugin: string
  readonly method?: string
}

export interface HookTable {
  readonly registered_hooks: Readonly<Record<string, readonly RegisteredHook[] | undefined>>
  /** The plugins that are loaded, by name; asked only for our own, listed a second time. */
  readonly registered_plugins?: Readonly<Record<string, object | undefined>>
}

/** The modules of Haraka that are used beside the documented plugin API. */
export interface Internals {
  readonly version: string
  readonly outbound: Outbound
  readonly hooks: HookTable
}

/** Haraka before this ends DATA at a bare LF and writes log lines unescaped. */
const OLDEST_HARAKA: readonly [number, number, number] = [3, 3, 4]

export type Contract = { kind: 'kept'; internals: Internals } | { kind: 'broken'; why: string }

/** Looks for every undocumented member before any is used; what is missing is one sentence. */
export function checkContract(plugin: HarakaPlugin): Contract {
  const version = versionOf(plugin)
  if (!isAtLeast(version, OLDEST_HARAKA)) {
    return { kind: 'broken', why: `Haraka ${version} is older than ${OLDEST_HARAKA.join('.')}` }
  }
  const outbound = attempt(() => plugin.haraka_require('outbound')) as Partial<Outbound> | undefined
  const hooks = attempt(() => plugin.haraka_require('plugins')) as Partial<HookTable> | undefined
  const missing = missingMember(outbound, hooks)
  if (missing) return { kind: 'broken', why: `Haraka ${version} has no ${missing} as expected` }
  return {
    kind: 'kept',
    internals: { version, outbound: outbound as Outbound, hooks: hooks as HookTable },
  }
}

function missingMember(
  outbound: Partial<Outbound> | undefined,
  hooks: Partial<HookTable> | undefined,
): string | undefined {
  const members: [string, () => boolean][] = [
    ['outbound', () => typeof outbound === 'object'],
    ['outbound.stats().queue_dir', () => typeof outbound?.stats?.().queue_dir === 'string'],
    ['outbound.build_todo', () => typeof outbound?.build_todo === 'function'],
    ['outbound.qfile.name', () => typeof outbound?.qfile?.name === 'function'],
    ['outbound.qfile.parts', () => typeof outbound?.qfile?.parts === 'function'],
    ['outbound.qfile.platformDOT', () => typeof outbound?.qfile?.platformDOT === 'string'],
    ['outbound.TODOItem', () => typeof outbound?.TODOItem === 'function'],
    ['outbound.HMailItem', () => typeof outbound?.HMailItem === 'function'],
    ['HMailItem.delivered', () => typeof outbound?.HMailItem?.prototype.delivered === 'function'],
    ['plugins.registered_hooks', () => typeof hooks?.registered_hooks === 'object'],
  ]
  return members.find(([, holds]) => attempt(holds) !== true)?.[0]
}

function versionOf(plugin: HarakaPlugin): string {
  const manifest = attempt(() => plugin.haraka_require('package.json')) as
    { version?: unknown } | undefined
  return typeof manifest?.version === 'string' ? manifest.version : 'unknown'
}

function isAtLeast(version: string, oldest: readonly number[]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10))
  for (const [i, wanted] of oldest.entries()) {
    const part = parts[i] ?? Number.NaN
    if (part !== wanted) return part > wanted
  }
  return true
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
