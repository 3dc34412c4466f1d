import type { Results } from '../decide/clean'
import type { Connection, ResultStore, Transaction } from './types'

/**
 * What other plugins say of this message. Results on the connection count too, as karma's score, but
 * those of spamassassin are about whichever message it scanned last: this one's are in its notes.
 */
export function resultsOf(connection: Connection, transaction: Transaction): Results {
  const ofConnection = all(connection.results)
  const ofMessage = all(transaction.results)
  const { flag } = Object(transaction.notes?.['spamassassin']) as { flag?: unknown }
  // Twenty plugins or so, of each message: only what both have is put together.
  const merged: Record<string, unknown> = { ...ofConnection, ...ofMessage }
  for (const plugin of Object.keys(ofMessage)) {
    if (!Object.hasOwn(ofConnection, plugin)) continue
    merged[plugin] = mergedOf(ofConnection[plugin], ofMessage[plugin])
  }
  merged['spamassassin'] = {
    ...Object(ofMessage['spamassassin']),
    ...(flag === undefined ? {} : { flag }),
  }
  return merged
}

/** Lists of both, as `fail`; for the rest the message has the last word. */
function mergedOf(ofConnection: unknown, ofMessage: unknown): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...Object(ofConnection) }
  for (const [key, value] of Object.entries(Object(ofMessage) as object)) {
    const before = merged[key]
    merged[key] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value
  }
  return merged
}

function all(store: ResultStore | undefined): Record<string, unknown> {
  return Object(store?.get_all?.()) as Record<string, unknown>
}
