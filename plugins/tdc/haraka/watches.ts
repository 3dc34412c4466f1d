import { OK } from './codes'
import { type Ears, OriginalWatch } from './original-watch'
import { folderOfModule } from './queue-plugins'
import type { Connection, HarakaPlugin, SmtpClient, Transaction } from './types'

type AnyFunction = (this: unknown, ...all: unknown[]) => unknown

/** The watches of the originals on their way, by transaction; it listens to core's two ways out. */
export class Watches {
  private readonly watches = new WeakMap<Transaction, OriginalWatch>()
  private readonly ears: Ears

  constructor(private readonly plugin: HarakaPlugin) {
    this.ears = {
      coreFolder: folderOfModule(this.module('plugins')),
      nextHop: tap(this.module('smtp_client'), 'get_client_plugin', (all) => this.connecting(all)),
      outbound: tap(this.module('outbound'), 'send_trans_email', (all) => this.goingOut(all)),
    }
  }

  /** What cannot be listened to in this Haraka: one sentence each. */
  warnings(): string[] {
    const { coreFolder, nextHop, outbound } = this.ears
    const missing = [
      ...(coreFolder === '' ? ['plugins'] : []),
      ...(nextHop ? [] : ['smtp_client.get_client_plugin']),
      ...(outbound ? [] : ['outbound.send_trans_email']),
    ]
    return missing.map(
      (what) =>
        `this Haraka has no ${what} as expected: copies of messages that its queue plugins refuse ` +
        'are sent in doubt',
    )
  }

  /** From the first look on; the same one afterwards. */
  of(connection: Connection, transaction: Transaction): OriginalWatch {
    const known = this.watches.get(transaction)
    if (known) return known
    const watch = new OriginalWatch(this.ears)
    this.watches.set(transaction, watch)
    watch.listen(connection, transaction)
    return watch
  }

  /** Nobody has the original in hands any more. */
  forget(transaction: Transaction): void {
    this.watches.delete(transaction)
  }

  /** `get_client_plugin(plugin, connection, settings, callback)`: the client is the callback's. */
  private connecting(all: unknown[]): unknown[] {
    const [plugin, connection, settings, callback, ...more] = all
    const { transaction } = connection as Connection
    if (!transaction || typeof callback !== 'function') return all
    const watch = this.of(connection as Connection, transaction)
    const got = (error: unknown, client: SmtpClient, ...others: unknown[]): unknown => {
      if (client) watch.talksTo(client, plugin as object)
      return (callback as AnyFunction)(error, client, ...others)
    }
    return [plugin, connection, settings, got, ...more]
  }

  /** `send_trans_email(transaction, next)`; of a message that no client sent there is no watch. */
  private goingOut(all: unknown[]): unknown[] {
    const [transaction, next, ...more] = all
    mendNotes(transaction as Transaction)
    const queue = this.watches.get(transaction as Transaction)?.goesOut()
    if (!queue) return all
    const ended = (code: unknown, ...others: unknown[]): unknown => {
      queue.ended(code === OK)
      return typeof next === 'function' ? (next as AnyFunction)(code, ...others) : undefined
    }
    return [transaction, ended, ...more]
  }

  private module(path: string): Record<string, unknown> {
    try {
      return this.plugin.haraka_require(path) as Record<string, unknown>
    } catch {
      return {}
    }
  }
}

/**
 * Puts a listener before a function of Haraka: it is called as before, on the same object, with what
 * `listener` makes of its arguments. A listener that fails leaves them as they are. False: there is no such function.
 */
function tap(
  module: Record<string, unknown>,
  name: string,
  listener: (all: unknown[]) => unknown[],
): boolean {
  const tapped = module[name]
  if (typeof tapped !== 'function') return false
  module[name] = function (this: unknown, ...all: unknown[]): unknown {
    let heard = all
    try {
      heard = listener(all)
    } catch {
      // Not heard: then its plugin is judged by its answers.
    }
    return (tapped as AnyFunction).apply(this, heard)
  }
  return true
}

/**
 * Haraka 3.3.4 throws at `outbound.send_email` with notes that are a plain object as soon as any plugin,
 * such as this one, has a hook for `pre_send_trans_email`: it looks for `skip_plugins` in them.
 */
function mendNotes({ notes }: Transaction): void {
  if ('skip_plugins' in notes) return
  Object.defineProperty(notes, 'skip_plugins', { configurable: true, writable: true, value: [] })
}
