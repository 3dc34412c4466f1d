import { safeCut } from '../base/text'
import { VALUE_LIMIT } from './header-value'

/** The null reverse-path is written as [MS-XJRNL] 2.1 and RFC 5321 4.1.2 write it. */
export function senderText(reversePath: string): string {
  return reversePath === '' ? '<>' : safeCut(reversePath, VALUE_LIMIT)
}

/**
 * In RCPT order, each once. Only the domain is compared without case (RFC 5321 2.4). One that was
 * rewritten has both forms ([MS-XJRNL] 2.1.4.2): readers cut the text at `Expanded:`, not here.
 */
export function recipientTexts(
  recipients: readonly string[],
  given: readonly (string | undefined)[] = [],
): string[] {
  const distinct = new Map<string, string>()
  for (const [at, recipient] of recipients.entries()) {
    const before = given[at]
    const text = before === undefined ? whole(recipient) : bothForms(recipient, before)
    const key = [recipient, before ?? ''].map(withLowerDomain).join(' ')
    if (!distinct.has(key)) distinct.set(key, text)
  }
  return [...distinct.values()].filter((text) => text !== '')
}

function whole(recipient: string): string {
  return safeCut(recipient, VALUE_LIMIT)
}

/** Octets of an address that shares its line with another one. */
const SHARED_LIMIT = VALUE_LIMIT / 2 - ', Forwarded: '.length

function bothForms(recipient: string, given: string): string {
  return `${safeCut(recipient, SHARED_LIMIT)}, Forwarded: ${safeCut(given, SHARED_LIMIT)}`
}

function withLowerDomain(address: string): string {
  const at = address.lastIndexOf('@') + 1
  return address.slice(0, at) + address.slice(at).toLowerCase()
}
