import { sep } from 'node:path'
import type { HookTurn, QueuePlugin } from './types'

/**
 * What a queue plugin does with an original:
 * - `next-hop`: hands it to a mail server by core's smtp_client;
 * - `outbound`: to Haraka's own outbound queue;
 * - `program`: to qmail-queue, which has it only when the plugin says OK;
 * - `quarantine`: writes it to a folder, its answer decides what else becomes of it;
 * - `discard`: says OK and hands it to nobody;
 * - `own`: anything. What such a plugin did with an original that it has read, only its OK tells.
 */
export type QueueWay = 'next-hop' | 'outbound' | 'program' | 'quarantine' | 'discard' | 'own'

/** plugins/queue of Haraka 3.3.4, by name; `queue/test` writes a file that is a mailbox to tests. */
const CORE: Readonly<Record<string, QueueWay>> = {
  'queue/deliver': 'outbound',
  'queue/discard': 'discard',
  'queue/lmtp': 'outbound',
  'queue/qmail-queue': 'program',
  'queue/quarantine': 'quarantine',
  'queue/smtp_forward': 'next-hop',
  'queue/smtp_proxy': 'next-hop',
}

/**
 * What is done in this turn. `coreFolder`: where Haraka's own files are; a server may have a plugin of
 * the same name. A plugin that inherits one of core's has its turns too, as aliases has queue/discard's.
 */
export function wayOf([plugin, method]: HookTurn, coreFolder: string): QueueWay {
  if (coreFolder === '') return 'own'
  const parents = Object.values(plugin.base ?? {}).filter(
    (parent) => method in parent && methodOf(parent, method) === methodOf(plugin, method),
  )
  const cores = [plugin, ...parents].filter(({ plugin_path: path }) =>
    path?.startsWith(`${coreFolder}${sep}plugins${sep}`),
  )
  return cores.map(({ name }) => CORE[name]).find((way) => way !== undefined) ?? 'own'
}

function methodOf(plugin: QueuePlugin, method: string): unknown {
  return (plugin as unknown as Record<string, unknown>)[method]
}

/** Where the file of a loaded module of Haraka is; '' when it cannot be found. */
export function folderOfModule(loaded: object): string {
  const found = Object.values(require.cache).find((module) => module?.exports === loaded)
  return found ? found.filename.slice(0, found.filename.lastIndexOf(sep)) : ''
}
