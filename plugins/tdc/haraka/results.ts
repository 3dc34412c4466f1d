import { own, type Results } from '../decide/clean'
import type { Connection, ResultStore, Transaction } from './types'

/**
 * What some plugins say of this message. Results on the connection count too, as karma's score, but
 * those of spamassassin are about whichever message it scanned last: this one's are in its notes.
 */
export function resultsOf(
  connection: Connection,
  transaction: Transaction,
  plugins: readonly string[],
): Results {
  const [ofConnection, ofMessage] = [all(connection.results), all(transaction.results)]
  const { flag } = Object(transaction.notes?.['spamassassin']) as { flag?: unknown }
  const found = plugins.flatMap((plugin): [string, unknown][] => {
    const [before, now] = [own(ofConnection, plugin), own(ofMessage, plugin)]
    if (before === undefined && now === undefined) return []
    const isInBoth = before !== undefined && now !== undefined
    return [[plugin, isInBoth ? mergedOf(before, now) : (now ?? before)]]
  })
  const ofSpam = { ...Object(ofMessage['spamassassin']), ...(flag === undefined ? {} : { flag }) }
  return Object.fromEntries([...found, ['spamassassin', ofSpam]])
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
