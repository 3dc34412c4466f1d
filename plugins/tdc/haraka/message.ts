import { LIMITS, bounded } from '../base/text'
import type { MessageFacts } from '../decide/message-facts'
import { addressFacts, isLegible } from './address-facts'
import type { GivenRecipients } from './given-recipients'
import { resultsOf } from './results'
import type { Connection, HarakaAddress, Transaction } from './types'

/** What the decision needs, read from Haraka's objects (spec 1). `asked`: plugins whose results count. */
export function messageFacts(
  connection: Connection,
  transaction: Transaction,
  relayClient: boolean,
  given: GivenRecipients,
  loopHeader: string,
  asked: readonly string[],
): MessageFacts {
  return {
    transaction: transaction.uuid,
    sender: addressFacts(transaction.mail_from).key,
    recipients: given.facts(recipientsOf(transaction)),
    relayClient,
    results: resultsOf(connection, transaction, asked),
    loopToken: headerOf(transaction, loopHeader),
  }
}

/** The recipients that can be read. */
function recipientsOf({ rcpt_to: all }: Transaction): HarakaAddress[] {
  if (!Array.isArray(all)) throw new TypeError('rcpt_to is no list')
  return [...(all as HarakaAddress[])].filter(isLegible)
}

/** How many there are that cannot; a hole is none. */
export function unreadableRecipients({ rcpt_to: all }: Transaction): number {
  const there = [...all].filter((address: unknown) => address !== undefined && address !== null)
  return there.filter((address) => !isLegible(address)).length
}

/** First value of a header as it stood in the message. */
export function headerOf({ header }: Transaction, name: string): string | undefined {
  const value: unknown = header.get_all(name)[0]
  return typeof value === 'string' ? value : undefined
}

/** The Message-ID, as much of it as a report can hold. */
export function messageIdOf(transaction: Transaction): string | undefined {
  const found = headerOf(transaction, 'Message-ID')?.trim()
  return found === undefined ? undefined : bounded(found, LIMITS.header)
}

/** The header as the client sent it, without the trace line that Haraka puts before it. */
export function headerLinesOf({ header_lines: lines, uuid }: Transaction): readonly string[] {
  const [first = ''] = lines
  const isTrace = /^Received:/i.test(first) && first.includes(uuid)
  return isTrace ? lines.slice(1) : lines
}

/** What core's outbound adds where it is missing: the values of Message-ID and Date. */
export function identityOf({ header }: Transaction): string {
  return JSON.stringify([header.get_all('Message-ID'), header.get_all('Date')])
}

/** Raw UTF-8 in the header, so that the message itself is internationalized (RFC 6532). */
export function hasInternationalHeader(transaction: Transaction): boolean {
  return transaction.header.lines().some((line) => /[^\u0000-\u007f]/.test(line))
}
