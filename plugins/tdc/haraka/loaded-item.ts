import type { DeliverableItem, Internals } from './contract'
import type { LoadedItem } from './types'

export type TakenOver =
  | { kind: 'taken' }
  /** This Haraka runs the hook in another way than expected; nothing was changed. */
  | { kind: 'unknown-hook'; missing: string }

const nothing = () => {}

/**
 * Takes a queue item that Haraka has just handed to the `send_email` hook away from it: the hook's
 * timer is cancelled, so that core does not deliver the item after `plugin_timeout`;
 * the delivery slot is given back, so that regular mail is not held up; `hooks_to_run` is
 * emptied, so that later hooks on the item do not throw. Everything happens before the hook
 * returns; the hook's `next` must not be called after it.
 */
export function takeOver(item: LoadedItem): TakenOver {
  const cancelHook = item.current_hook?.[2]
  const releaseSlot = item.next_cb
  if (typeof cancelHook !== 'function') return { kind: 'unknown-hook', missing: 'current_hook[2]' }
  if (typeof releaseSlot !== 'function') return { kind: 'unknown-hook', missing: 'next_cb' }
  cancelHook()
  item.current_hook = null
  item.hooks_to_run = []
  item.next_cb = nothing
  releaseSlot()
  return { kind: 'taken' }
}

export interface DeliveredFacts {
  readonly filename: string
  readonly path: string
  readonly ip: string
  readonly port: number
  readonly host: string
  readonly response: string
}

/** Whether other plugins want to know that a copy went out. */
export function isDeliveryHeard({ hooks }: Internals): boolean {
  return (hooks.registered_hooks['delivered']?.length ?? 0) > 0
}

/**
 * Tells the `delivered` hooks of other plugins, when there are any, that a copy went out, in core's
 * own way: the item is loaded from its file and finished by `delivered()`, which removes the file.
 */
export async function announceDelivered(
  internals: Internals,
  facts: DeliveredFacts,
): Promise<void> {
  if (!isDeliveryHeard(internals)) return
  const { outbound } = internals
  const item = new outbound.HMailItem(facts.filename, facts.path)
  if (await isReady(item)) {
    await new Promise<void>((finished) => {
      item.next_cb = finished
      item.delivered(
        facts.ip,
        facts.port,
        'SMTP',
        facts.host,
        facts.response,
        (item.todo as { rcpt_to?: object[] } | null)?.rcpt_to ?? [],
        [],
        [],
        true,
        false,
      )
    })
  }
}

function isReady(item: DeliverableItem): Promise<boolean> {
  return new Promise((resolve) => {
    // A file that cannot be read calls next_cb and emits nothing; one whose head cannot be read is
    // put off under a new name, to be sent again.
    item.next_cb = () => resolve(false)
    item.temp_fail = () => resolve(false)
    item.once('ready', () => resolve(true))
    item.once('error', () => resolve(false))
  })
}
