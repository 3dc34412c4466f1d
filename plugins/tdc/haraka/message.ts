import { LIMITS, bounded } from '../base/text'
import type { MessageFacts } from '../decide/message-facts'
import { addressFacts } from './address-facts'
import type { GivenRecipients } from './given-recipients'
import { resultsOf } from './results'
import type { Connection, Transaction } from './types'

/** What the decision needs, read from Haraka's objects (spec 1). */
export function messageFacts(
  connection: Connection,
  transaction: Transaction,
  relayClient: boolean,
  given: GivenRecipients,
  loopHeader: string,
): MessageFacts {
  return {
    transaction: transaction.uuid,
    sender: addressFacts(transaction.mail_from).key,
    recipients: given.facts(transaction.rcpt_to),
    relayClient,
    results: resultsOf(connection, transaction),
    loopToken: headerOf(transaction, loopHeader),
  }
}

/** First value of a header as it stood in the message. */
export function headerOf(transaction: Transaction, name: string): string | undefined {
  return transaction.header.get_all(name)[0]
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
